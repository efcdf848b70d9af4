//! `docker login` and `logout`, and the file that keeps logins.

use super::fail::daemon;
use super::{Done, Fail, Input, SUCCESS, Session, helper};
use crate::words::Call;
use registry::client::{Client, ConfigFile, Credentials, HUB, HUB_KEY, Login, is_hub};
use std::io::Read;

/// A password has no more bytes.
const MAX_PASSWORD: u64 = 1 << 16;

/// The file of logins, absolute.
fn path(session: &Session<'_, '_>) -> String {
    let dir = session.host.variable("DOCKER_CONFIG").filter(|dir| !dir.is_empty());
    let dir = dir.unwrap_or_else(|| {
        let home = session.host.variable("HOME").unwrap_or_else(|| "/root".to_owned());
        format!("{home}/.docker")
    });
    format!("{dir}/config.json")
}

/// What the file of logins holds; nothing if it is not there.
///
/// # Errors
///
/// If it cannot be understood.
pub(crate) fn config_file(session: &mut Session<'_, '_>) -> Result<ConfigFile, Fail> {
    let path = path(session);
    if session.node(&path).is_none() && session.host.open(&path).is_none_or(|opened| opened.is_err()) {
        return Ok(ConfigFile::default());
    }
    let text = session.read_text(&path)?;
    ConfigFile::parse(&text).map_err(|error| Fail::new(format!("Error loading config file: {path}: {error}")))
}

fn keep(session: &mut Session<'_, '_>, config: &ConfigFile) -> Result<(), Fail> {
    let (path, text) = (path(session), config.to_json());
    session.write_file(&path, 0o600, |_, file| {
        file.write_all(text.as_bytes())
            .map_err(|error| Fail::new(format!("error saving credentials: {error}")))
    })
}

/// The registry as it was typed, without a scheme and a path.
fn server(call: &Call) -> String {
    let Some(text) = call.arguments.first() else {
        return HUB.to_owned();
    };
    let text = text
        .strip_prefix("https://")
        .or(text.strip_prefix("http://"))
        .unwrap_or(text);
    let host = text.split('/').next().unwrap_or(text);
    if is_hub(host) { HUB.to_owned() } else { host.to_owned() }
}

pub(super) fn login(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let (user, password) = (call.text("username"), call.text("password"));
    if call.given("password") {
        session
            .console
            .error("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    }
    if call.on("password-stdin") {
        if call.given("password") {
            return Err(Fail::new(
                "conflicting options: cannot specify both --password and --password-stdin",
            ));
        }
        if user.is_none_or(str::is_empty) {
            return Err(Fail::new("the --password-stdin option requires --username to be set"));
        }
    }
    if call.given("username") && user == Some("") {
        return Err(Fail::new("username is empty"));
    }
    if call.given("password") && password == Some("") {
        return Err(Fail::new("password is empty"));
    }
    let (registry, config) = (server(call), config_file(session)?);
    let credentials = helper::logins(session, &registry)?;
    let kept = credentials
        .login(&registry)
        .map_err(|error| Fail::new(error.to_string()))?;
    let login = match (kept, user, password) {
        (Some(kept), None, None) => {
            let name = &kept.username;
            session.console.line(&format!(
                "Authenticating with existing credentials... [Username: {name}]"
            ));
            session.console.error(
                "\n Info -> To login with a different account, run 'docker logout' followed by 'docker login'\n\n\n",
            );
            kept
        }
        _ => typed(call, session)?,
    };
    let mut client = Client {
        transport: session.transport,
        host: session.wire,
        credentials: &credentials,
        config: session.registries,
    };
    let shown = client
        .login(&registry, &login)
        .map_err(|error| Fail::new(daemon(&error)))?;
    let mut config = config;
    let is_new = credentials.login(&registry).ok().flatten().as_ref() != Some(&shown);
    let is_helped = helper::store(session, &config, &registry, &shown)?;
    if is_helped {
        config.set_helped(&registry);
    } else {
        config.set(&registry, &shown);
    }
    keep(session, &config)?;
    if is_new && !is_helped {
        let path = path(session);
        session.console.error(&format!(
            "\nWARNING! Your credentials are stored unencrypted in '{path}'.\nConfigure a credential helper to remove this \
             warning. See\nhttps://docs.docker.com/go/credential-store/\n\n"
        ));
    }
    session.console.line("Login Succeeded");
    Ok(SUCCESS)
}

/// User and password from flags, from the standard input, or asked for.
fn typed(call: &Call, session: &mut Session<'_, '_>) -> Result<Login, Fail> {
    let user = call.text("username");
    if call.on("password-stdin") {
        let mut password = String::new();
        if let Input::Stream(stream) = session.host.stdin() {
            stream
                .take(MAX_PASSWORD)
                .read_to_string(&mut password)
                .map_err(|error| Fail::new(error.to_string()))?;
        }
        let password = password.strip_suffix('\n').unwrap_or(&password);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            return Err(Fail::new(
                "Error: Cannot perform an interactive login from a non TTY device",
            ));
        }
        return Ok(Login::new(user.unwrap_or_default(), password));
    }
    if let (Some(user), Some(password)) = (user, call.text("password")) {
        return Ok(Login::new(user, password));
    }
    let user = match user {
        Some(user) => user.to_owned(),
        None => asked(session, "Username: ", false)?,
    };
    if user.trim().is_empty() {
        return Err(Fail::new("Error: Non-null Username Required"));
    }
    let password = match call.text("password") {
        Some(password) => password.to_owned(),
        None => asked(session, "Password: ", true)?,
    };
    if password.is_empty() {
        return Err(Fail::new("Error: Password Required"));
    }
    Ok(Login::new(user.trim(), &password))
}

/// A line that only a person at a terminal can type.
fn asked(session: &mut Session<'_, '_>, prompt: &str, hidden: bool) -> Result<String, Fail> {
    if let Some(answer) = session.console.answer() {
        return Ok(answer.to_owned());
    }
    match session.host.stdin() {
        Input::Terminal => Err(Fail::Asks {
            prompt: prompt.to_owned(),
            hidden,
        }),
        Input::Stream(_) => Err(Fail::new(
            "Error: Cannot perform an interactive login from a non TTY device",
        )),
    }
}

pub(super) fn logout(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let registry = server(call);
    let shown = if registry == HUB { HUB_KEY } else { &registry };
    session.console.line(&format!("Removing login credentials for {shown}"));
    let mut config = config_file(session)?;
    helper::erase(session, &config, &registry)?;
    if config.remove(&registry) {
        keep(session, &config)?;
    }
    Ok(SUCCESS)
}
