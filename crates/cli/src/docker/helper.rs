//! Logins that a program keeps: `credsStore` and `credHelpers` of the file of logins.

use super::login::config_file;
use super::{Fail, Session};
use registry::client::{ConfigFile, CredentialError, Credentials, HUB_KEY, Login};
use serde_json::{Value, json};

/// The user that stands for a refresh token in place of a password.
const TOKEN_USER: &str = "<token>";
/// What a program says that has no login for a registry.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The file of logins, and what a program said of one registry.
pub(crate) struct Logins {
    file: ConfigFile,
    asked: Option<Asked>,
}

/// What a program has for a registry.
struct Asked {
    registry: String,
    login: Option<Login>,
}

impl Credentials for Logins {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialError> {
        match &self.asked {
            Some(asked) if asked.registry == registry => Ok(asked.login.clone()),
            _ => self.file.login(registry),
        }
    }
}

/// The logins as far as they matter for `registry`.
///
/// # Errors
///
/// If the file cannot be understood, or the program that keeps the login fails.
pub(crate) fn logins(session: &mut Session<'_, '_>, registry: &str) -> Result<Logins, Fail> {
    let file = config_file(session)?;
    let asked = match file.helper(registry).map(str::to_owned) {
        None => None,
        Some(name) => get(session, &name, registry)?,
    };
    Ok(Logins { file, asked })
}

/// What a program has for a registry; `None` if no programs run here.
fn get(session: &mut Session<'_, '_>, name: &str, registry: &str) -> Result<Option<Asked>, Fail> {
    let asked = |login| Asked {
        registry: registry.to_owned(),
        login,
    };
    let Some(helped) = ask(session, name, "get", key(registry))? else {
        return Ok(None);
    };
    if !helped.succeeded {
        let said = helped.output.trim();
        if said == NOT_FOUND {
            return Ok(Some(asked(None)));
        }
        return Err(failed(
            "getting",
            &said
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(200)
                .collect::<String>(),
        ));
    }
    let answer: Value = serde_json::from_str(&helped.output)
        .map_err(|_| failed("getting", &format!("expected JSON from docker-credential-{name}")))?;
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (username, secret) = (text("Username"), text("Secret"));
    let login = if username == TOKEN_USER {
        Login {
            identity_token: Some(secret),
            ..Login::default()
        }
    } else {
        Login::new(&username, &secret)
    };
    Ok(Some(asked(Some(login))))
}

/// Gives a login to the program that keeps those for a registry. Whether there is one.
pub(super) fn store(
    session: &mut Session<'_, '_>,
    file: &ConfigFile,
    registry: &str,
    login: &Login,
) -> Result<bool, Fail> {
    let Some(name) = file.helper(registry).map(str::to_owned) else {
        return Ok(false);
    };
    let (username, secret) = match &login.identity_token {
        Some(token) => (TOKEN_USER, token),
        None => (login.username.as_str(), &login.password),
    };
    let input = json!({"ServerURL": key(registry), "Username": username, "Secret": secret}).to_string();
    match ask(session, &name, "store", &input)? {
        Some(helped) if helped.succeeded => Ok(true),
        Some(_) => Err(failed(
            "storing",
            &format!("docker-credential-{name} did not take the login"),
        )),
        None => Ok(false),
    }
}

/// Has the program that keeps the login for a registry forget it.
pub(super) fn erase(session: &mut Session<'_, '_>, file: &ConfigFile, registry: &str) -> Result<(), Fail> {
    let Some(name) = file.helper(registry).map(str::to_owned) else {
        return Ok(());
    };
    match ask(session, &name, "erase", key(registry))? {
        Some(helped) if !helped.succeeded && helped.output.trim() != NOT_FOUND => Err(failed(
            "erasing",
            &format!("docker-credential-{name} did not forget the login"),
        )),
        _ => Ok(()),
    }
}

fn ask(session: &mut Session<'_, '_>, name: &str, action: &str, input: &str) -> Result<Option<super::Helped>, Fail> {
    // It becomes the name of a program: never a path.
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !is_plain {
        return Err(failed(
            "using",
            &format!("expected the name of a credential helper, found {name:?}"),
        ));
    }
    match session.host.ask_helper(name, action, input) {
        None => Ok(None),
        Some(Ok(helped)) => Ok(Some(helped)),
        Some(Err(error)) => Err(failed("using", &format!("docker-credential-{name}: {error}"))),
    }
}

fn failed(doing: &str, why: &str) -> Fail {
    Fail::new(format!("error {doing} credentials - {why}"))
}

/// How such programs name a registry.
fn key(registry: &str) -> &str {
    if registry == "docker.io" { HUB_KEY } else { registry }
}
