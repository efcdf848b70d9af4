//! Logins as Docker's command line keeps them: in `config.json`, or in a program that the file names.

use crate::net::ask_helper;
use cli::docker::{helped_login, helper_key, is_helper_name};
use registry::client::{ConfigFile, CredentialError, Credentials, Login};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The file of logins. A program that it names is asked when a registry wants to know.
#[derive(Debug, Default)]
pub struct Logins(ConfigFile);

impl Logins {
    /// Reads `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`. One that is not there holds no logins.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, which it names.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Logins, String> {
        let set = |name: &str| variable(name).filter(|folder| !folder.is_empty());
        let folder = set("DOCKER_CONFIG").unwrap_or_else(|| {
            let home = set("HOME").unwrap_or_else(|| "/root".to_owned());
            format!("{home}/.docker")
        });
        let path = Path::new(&folder).join("config.json");
        let failed = |why: String| format!("error loading config file: {}: {why}", path.display());
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Logins(
                ConfigFile::parse(&text).map_err(|error| failed(error.to_string()))?,
            )),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Logins::default())
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

impl Credentials for Logins {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialError> {
        let Some(name) = self.0.helper(registry) else {
            return self.0.login(registry);
        };
        let failed = |why: String| CredentialError::Failed {
            what: format!("error getting credentials - {why}"),
        };
        if !is_helper_name(name) {
            let why = format!("expected the name of a credential helper, found {name:?}");
            return Err(failed(why));
        }
        let helped = ask_helper(name, "get", helper_key(registry))
            .map_err(|error| failed(format!("docker-credential-{name}: {error}")))?;
        helped_login(name, &helped).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn read(scratch: &Scratch) -> Result<Logins, String> {
        let home = scratch.dir().display().to_string();
        Logins::read(&|name| (name == "HOME").then(|| home.clone()))
    }

    #[test]
    fn a_file_that_is_not_there_holds_no_logins() {
        let scratch = Scratch::new();
        assert_eq!(read(&scratch).unwrap().login("r.example"), Ok(None));
    }

    #[test]
    fn a_login_is_the_files_or_that_of_the_program_it_names() {
        let scratch = Scratch::new();
        scratch.write(
            ".docker/config.json",
            r#"{"auths": {"r.example": {"auth": "bWU6c2VjcmV0"}}, "credHelpers": {"other.example": "no-such-program", "bad.example": "../x"}}"#,
        );
        let logins = read(&scratch).unwrap();
        assert_eq!(logins.login("r.example"), Ok(Some(Login::new("me", "secret"))));
        let error = logins.login("other.example").unwrap_err().to_string();
        assert!(
            error.starts_with("error getting credentials - docker-credential-no-such-program: "),
            "{error}"
        );
        let error = logins.login("bad.example").unwrap_err().to_string();
        assert!(error.contains("expected the name of a credential helper"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_named() {
        let scratch = Scratch::new();
        let path = scratch.write(".docker/config.json", "{");
        let error = read(&scratch).unwrap_err();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}
