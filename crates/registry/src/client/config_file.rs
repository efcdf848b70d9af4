//! `~/.docker/config.json`: where Docker's command line keeps logins.

use super::credentials::{CredentialError, Credentials, Login};
use super::endpoint::HUB;
use super::go_json::{self, JsonProblem};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

/// Docker Hub as this file names it.
pub const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The file. What it holds beside logins is kept as it is.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ConfigFile {
    fields: Map<String, Value>,
}

/// What it holds is not shown.
impl std::fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.registries()).finish()
    }
}

/// Why the file cannot be read, in the words of Go's decoder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFileError {
    /// It is no JSON.
    #[error("{0}")]
    Json(JsonProblem),
    /// It, or its `auths`, is no object.
    #[error("json: cannot unmarshal {what} into Go value of type configfile.ConfigFile")]
    NotAnObject {
        /// What is none.
        what: &'static str,
    },
    /// It is larger than any such file.
    #[error("the file is larger than {MAX_BYTES} bytes")]
    TooLarge,
}

impl From<JsonProblem> for ConfigFileError {
    fn from(problem: JsonProblem) -> ConfigFileError {
        ConfigFileError::Json(problem)
    }
}

impl ConfigFile {
    /// Reads the file; nothing but blanks is an empty one.
    ///
    /// # Errors
    ///
    /// [`ConfigFileError`].
    ///
    /// # Example
    ///
    /// ```
    /// use registry::client::{ConfigFile, Credentials, Login};
    ///
    /// let mut config = ConfigFile::parse(r#"{"detachKeys": "ctrl-e,e"}"#).unwrap();
    /// config.set("docker.io", &Login::new("moby", "secret"));
    /// let again = ConfigFile::parse(&config.to_json()).unwrap();
    /// assert_eq!(again.login("docker.io").unwrap(), Some(Login::new("moby", "secret")));
    /// ```
    ///
    /// Source: docker/cli, `cli/config/configfile/file.go`.
    pub fn parse(text: &str) -> Result<ConfigFile, ConfigFileError> {
        if text.len() > MAX_BYTES {
            return Err(ConfigFileError::TooLarge);
        }
        if text.trim().is_empty() {
            return Ok(ConfigFile::default());
        }
        go_json::check(text)?;
        let not_an_object = |what| ConfigFileError::NotAnObject { what };
        let value = serde_json::from_str(text).map_err(|error| JsonProblem::Value(error.to_string()))?;
        let Value::Object(fields) = value else {
            return Err(not_an_object("the file"));
        };
        if fields
            .get("auths")
            .is_some_and(|auths| !auths.is_object() && !auths.is_null())
        {
            return Err(not_an_object("auths"));
        }
        Ok(ConfigFile { fields })
    }

    /// The file as Docker writes it: indented by tabs, no line end at the end.
    pub fn to_json(&self) -> String {
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        self.fields
            .serialize(&mut serializer)
            .expect("JSON values are written to memory");
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    /// The registries that have an entry, as the file names them.
    pub fn registries(&self) -> impl Iterator<Item = &str> {
        let auths = self.fields.get("auths").and_then(Value::as_object);
        auths.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Keeps a login for a registry, `host[:port]` or `docker.io`.
    pub fn set(&mut self, registry: &str, login: &Login) {
        let mut entry = Map::new();
        let text = format!("{}:{}", login.username, login.password);
        entry.insert("auth".to_owned(), Value::String(STANDARD.encode(text)));
        if let Some(token) = &login.identity_token {
            entry.insert("identitytoken".to_owned(), Value::String(token.clone()));
        }
        self.put(registry, entry);
    }

    /// Notes that a program keeps a login for a registry, as Docker does: the entry says nothing.
    pub fn set_helped(&mut self, registry: &str) {
        self.put(registry, Map::new());
    }

    fn put(&mut self, registry: &str, entry: Map<String, Value>) {
        let auths = self.fields.entry("auths").or_insert_with(|| Value::Object(Map::new()));
        if !auths.is_object() {
            *auths = Value::Object(Map::new());
        }
        if let Some(auths) = auths.as_object_mut() {
            auths.insert(key(registry).to_owned(), Value::Object(entry));
        }
    }

    /// Forgets the login for a registry. Whether there was one.
    pub fn remove(&mut self, registry: &str) -> bool {
        let Some(auths) = self.fields.get_mut("auths").and_then(Value::as_object_mut) else {
            return false;
        };
        let before = auths.len();
        auths.retain(|known, _| !is_for(known, registry));
        auths.len() < before
    }

    /// The program that keeps logins for a registry, if the file names one.
    pub fn helper(&self, registry: &str) -> Option<&str> {
        let helpers = self.fields.get("credHelpers").and_then(Value::as_object);
        let special = helpers.and_then(|helpers| helpers.get(key(registry)).or_else(|| helpers.get(registry)));
        let general = self.fields.get("credsStore");
        special
            .or(general)
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
    }
}

impl Credentials for ConfigFile {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialError> {
        if let Some(helper) = self.helper(registry) {
            return Err(CredentialError::Helper {
                helper: helper.chars().filter(|c| !c.is_control()).take(100).collect(),
                registry: registry.to_owned(),
            });
        }
        let Some(auths) = self.fields.get("auths").and_then(Value::as_object) else {
            return Ok(None);
        };
        let exact = auths.get(key(registry));
        let entry = exact.or_else(|| {
            auths
                .iter()
                .find(|(known, _)| is_for(known, registry))
                .map(|(_, entry)| entry)
        });
        entry.map_or(Ok(None), |entry| read_entry(entry, registry))
    }
}

fn read_entry(entry: &Value, registry: &str) -> Result<Option<Login>, CredentialError> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let malformed = || CredentialError::Malformed {
        registry: registry.to_owned(),
    };
    let mut login = Login {
        username: text("username").unwrap_or_default().to_owned(),
        password: text("password").unwrap_or_default().to_owned(),
        identity_token: text("identitytoken").map(str::to_owned),
    };
    if let Some(auth) = text("auth") {
        let bytes = STANDARD.decode(auth).map_err(|_| malformed())?;
        let pair = String::from_utf8(bytes).map_err(|_| malformed())?;
        let (username, password) = pair.split_once(':').ok_or_else(malformed)?;
        username.clone_into(&mut login.username);
        password.trim_end_matches('\0').clone_into(&mut login.password);
    }
    let is_empty = login.username.is_empty() && login.identity_token.is_none();
    Ok((!is_empty).then_some(login))
}

/// How this file names a registry.
fn key(registry: &str) -> &str {
    if registry == HUB { HUB_KEY } else { registry }
}

/// Whether an entry, perhaps an old one with scheme and path, is for a registry.
fn is_for(known: &str, registry: &str) -> bool {
    if known == key(registry) {
        return true;
    }
    let bare = known
        .strip_prefix("https://")
        .or_else(|| known.strip_prefix("http://"))
        .unwrap_or(known);
    registry != HUB && bare.split('/').next() == Some(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_writes_it_so() {
        let mut config = ConfigFile::default();
        config.set("docker.io", &Login::new("moby", "whale:1"));
        let text = "{\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \"bW9ieTp3aGFsZTox\"\n\t\t}\n\t}\n}";
        assert_eq!(config.to_json(), text);
        assert_eq!(config.login("docker.io"), Ok(Some(Login::new("moby", "whale:1"))));
        assert_eq!(config.login("r.example"), Ok(None));
        assert!(!format!("{config:?}").contains("bW9i"));
    }

    #[test]
    fn logins_come_and_go_and_the_rest_stays() {
        let mut config =
            ConfigFile::parse(r#"{"psFormat":"table","auths":{"https://r.example:5000/v1/":{"auth":"YTpi"}}}"#)
                .expect("a file");
        assert_eq!(config.login("r.example:5000"), Ok(Some(Login::new("a", "b"))));
        assert_eq!(config.login("r.example"), Ok(None));
        let token = Login {
            identity_token: Some("t".to_owned()),
            ..Login::new("u", "")
        };
        config.set("s.example", &token);
        let again = ConfigFile::parse(&config.to_json()).expect("a file");
        assert_eq!(again.login("s.example"), Ok(Some(token)));
        assert!(config.remove("r.example:5000") && !config.remove("r.example:5000"));
        assert!(config.to_json().contains("psFormat"));
        assert_eq!(config.registries().collect::<Vec<_>>(), ["s.example"]);
    }

    #[test]
    fn helpers_are_named_and_not_asked() {
        let config =
            ConfigFile::parse(r#"{"credHelpers":{"r.example":"ecr-login"},"auths":{"s.example":{"auth":"YTpi"}}}"#)
                .expect("a file");
        let text = config.login("r.example").expect_err("a helper").to_string();
        assert!(
            text.contains("docker-credential-ecr-login") && text.contains("docker login r.example"),
            "{text}"
        );
        assert!(config.login("s.example").is_ok());
        let store = ConfigFile::parse(r#"{"credsStore":"desktop"}"#).expect("a file");
        assert!(store.login("s.example").is_err());
    }

    #[test]
    fn broken_files_are_errors() {
        let text = |text: &str| ConfigFile::parse(text).expect_err("broken").to_string();
        assert_eq!(text("{"), "unexpected end of JSON input");
        assert_eq!(
            text(r#"{"auths":[]}"#),
            "json: cannot unmarshal auths into Go value of type configfile.ConfigFile"
        );
        assert!(ConfigFile::parse("[]").is_err());
        assert_eq!(ConfigFile::parse("\n"), Ok(ConfigFile::default()));
        for auth in ["%%%", "YQ==", "/w=="] {
            let config = ConfigFile::parse(&format!(r#"{{"auths":{{"r":{{"auth":"{auth}"}}}}}}"#)).expect("a file");
            let error = config.login("r").expect_err("no user and password").to_string();
            assert_eq!(error, "invalid auth configuration file: entry for r");
        }
    }
}
