//! Logins that a program keeps: `credsStore` and `credHelpers` of the file of logins.

use super::login::config_file;
use super::{Fail, Helped, Session};
use registry::client::{ConfigFile, CredentialError, Credentials, HUB_KEY, Login};
use serde_json::{Value, json};

/// The user that stands for a refresh token in place of a password.
const TOKEN_USER: &str = "<token>";
/// What a program says that has no login for a registry.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The file of logins, and what a program said of one registry.
pub(crate) struct Logins {
    file: ConfigFile,
    asked: Option<(String, Option<Login>)>,
}

impl Credentials for Logins {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialError> {
        match &self.asked {
            Some((known, login)) if known == registry => Ok(login.clone()),
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

/// The registry, and what a program has for it; `None` if no programs run here.
fn get(session: &mut Session<'_, '_>, name: &str, registry: &str) -> Result<Option<(String, Option<Login>)>, Fail> {
    match ask(session, name, "get", helper_key(registry))? {
        Some(helped) => {
            let login = helped_login(name, &helped).map_err(|why| failed("getting", &why))?;
            Ok(Some((registry.to_owned(), login)))
        }
        None => Ok(None),
    }
}

/// The login that the program `docker-credential-NAME` has told; `None` if it has none.
///
/// # Errors
///
/// What it said instead, or that it said something else.
pub fn helped_login(name: &str, helped: &Helped) -> Result<Option<Login>, String> {
    if !helped.succeeded {
        let said = helped.output.trim();
        if said == NOT_FOUND {
            return Ok(None);
        }
        return Err(said.lines().next().unwrap_or_default().chars().take(200).collect());
    }
    let answer: Value =
        serde_json::from_str(&helped.output).map_err(|_| format!("expected JSON from docker-credential-{name}"))?;
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (username, secret) = (text("Username"), text("Secret"));
    Ok(Some(if username == TOKEN_USER {
        Login {
            identity_token: Some(secret),
            ..Login::default()
        }
    } else {
        Login::new(&username, &secret)
    }))
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
    let input = json!({"ServerURL": helper_key(registry), "Username": username, "Secret": secret}).to_string();
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
    match ask(session, &name, "erase", helper_key(registry))? {
        Some(helped) if !helped.succeeded && helped.output.trim() != NOT_FOUND => Err(failed(
            "erasing",
            &format!("docker-credential-{name} did not forget the login"),
        )),
        _ => Ok(()),
    }
}

fn ask(session: &mut Session<'_, '_>, name: &str, action: &str, input: &str) -> Result<Option<Helped>, Fail> {
    if !is_helper_name(name) {
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

/// Whether a program may be called so: it becomes the name of a file, never a path.
pub fn is_helper_name(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn failed(doing: &str, why: &str) -> Fail {
    Fail::new(format!("error {doing} credentials - {why}"))
}

/// How such programs name a registry.
pub fn helper_key(registry: &str) -> &str {
    if registry == "docker.io" { HUB_KEY } else { registry }
}
