//! Instructions that change only the configuration.

use crate::assemble::Assembly;
use crate::print::{duration, plain_list, quoted_list};
use crate::scope::Scope;
use crate::{env, ports};
use dockerfile::{ArgName, Command, Health, KeyValue, Spanned};
use oci::Healthcheck;

/// Arguments that are no variables of the build.
const NOT_IN_ENV: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

impl Assembly<'_> {
    /// `ENV`: all values see the variables from before.
    pub(crate) fn env(&self, scope: &mut Scope, pairs: &[KeyValue]) -> Result<(), String> {
        let pairs = self.expand_pairs(scope, pairs)?;
        for (name, value) in &pairs {
            self.words.spend(scope.env.pairs().len())?;
            scope.env.set(name, value);
            env::set_in_config(&mut scope.config().env, name, value);
        }
        scope.note(format!("ENV {}", said(&pairs)));
        Ok(())
    }

    pub(crate) fn label(&self, scope: &mut Scope, pairs: &[KeyValue]) -> Result<(), String> {
        let pairs = self.expand_pairs(scope, pairs)?;
        scope.note(format!("LABEL {}", said(&pairs)));
        scope.config().labels.extend(pairs);
        Ok(())
    }

    fn expand_pairs(&self, scope: &Scope, pairs: &[KeyValue]) -> Result<Vec<(String, String)>, String> {
        pairs
            .iter()
            .map(|pair| {
                let key = self.words.word(&pair.key.value, &scope.env)?;
                let value = self.words.word(&pair.value.value, &scope.env)?;
                Ok((key, value))
            })
            .collect()
    }

    /// `ARG`: the build argument, else the own default, else the value from above the first FROM.
    pub(crate) fn arg(&self, scope: &mut Scope, names: &[ArgName]) -> Result<(), String> {
        let mut said = Vec::new();
        for arg in names {
            let name = &arg.name.value;
            let value = match (self.build_arg(name), &arg.default) {
                (Some(value), _) => Some(value.to_owned()),
                (None, Some(default)) => Some(self.words.word(&default.value, &scope.env)?),
                (None, None) => self.globals.get(name).map(ToOwned::to_owned),
            };
            if let Some(value) = &value
                && !NOT_IN_ENV.contains(&name.as_str())
            {
                self.words.spend(scope.env.pairs().len())?;
                scope.env.set(name, value);
            }
            said.push(match &value {
                Some(value) => format!("{name}={value}"),
                None => name.clone(),
            });
            scope.args.push((name.clone(), value));
        }
        scope.note(format!("ARG {}", said.join(" ")));
        Ok(())
    }

    pub(crate) fn user(&self, scope: &mut Scope, user: &str) -> Result<(), String> {
        let user = self.words.word(user, &scope.env)?;
        scope.user.clone_from(&user);
        scope.config().user.clone_from(&user);
        scope.note(format!("USER {user}"));
        Ok(())
    }

    pub(crate) fn expose(&self, scope: &mut Scope, specs: &[Spanned<String>]) -> Result<(), String> {
        // BuildKit sorts what is written, before variables are replaced.
        let mut specs: Vec<&str> = specs.iter().map(|spec| spec.value.as_str()).collect();
        specs.sort_unstable();
        let mut words = Vec::new();
        for spec in specs {
            words.extend(self.words.split(spec, &scope.env)?);
        }
        let ports = ports::parse_all(&words)?;
        for port in &ports {
            scope.config().exposed_ports.insert(port.clone());
        }
        scope.note(format!("EXPOSE {}", plain_list(&ports)));
        Ok(())
    }

    pub(crate) fn volume(&self, scope: &mut Scope, paths: &[Spanned<String>]) -> Result<(), String> {
        let paths: Vec<String> = paths
            .iter()
            .map(|path| self.words.word(&path.value, &scope.env))
            .collect::<Result<_, _>>()?;
        if paths.iter().any(String::is_empty) {
            return Err("VOLUME specified can not be an empty string".to_owned());
        }
        for path in &paths {
            scope.config().volumes.insert(path.clone());
        }
        scope.note(format!("VOLUME {}", plain_list(&paths)));
        Ok(())
    }

    pub(crate) fn stop_signal(&self, scope: &mut Scope, signal: &str) -> Result<(), String> {
        let signal = self.words.word(signal, &scope.env)?;
        if !is_signal(&signal) {
            return Err(format!("invalid signal: {signal}"));
        }
        scope.config().stop_signal.clone_from(&signal);
        scope.note(format!("STOPSIGNAL {signal}"));
        Ok(())
    }
}

/// `a=1 b=2`, as the history has it.
fn said(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

pub(crate) fn cmd(scope: &mut Scope, command: &Command) {
    let args = argv(scope, command);
    scope.note(format!("CMD {}", quoted_list(&args)));
    scope.config().cmd = args;
    scope.config().args_escaped = true;
    scope.has_cmd = true;
}

/// `ENTRYPOINT` forgets the CMD of the base, but not one that this stage has already.
pub(crate) fn entrypoint(scope: &mut Scope, command: &Command) {
    let args = argv(scope, command);
    scope.note(format!("ENTRYPOINT {}", quoted_list(&args)));
    scope.config().entrypoint = args;
    if !scope.has_cmd {
        scope.config().cmd = Vec::new();
    }
}

fn argv(scope: &Scope, command: &Command) -> Vec<String> {
    match command {
        Command::Exec(args) => args.clone(),
        Command::Shell(text) => scope.with_shell(text.clone()),
    }
}

pub(crate) fn healthcheck(scope: &mut Scope, health: &Health) {
    let check = match health {
        Health::None => Healthcheck {
            test: vec!["NONE".to_owned()],
            ..Healthcheck::default()
        },
        Health::Cmd {
            command,
            interval,
            timeout,
            start_period,
            start_interval,
            retries,
        } => Healthcheck {
            test: match command {
                Command::Exec(args) => std::iter::once("CMD".to_owned()).chain(args.iter().cloned()).collect(),
                Command::Shell(text) => vec!["CMD-SHELL".to_owned(), text.clone()],
            },
            interval: *interval,
            timeout: *timeout,
            start_period: *start_period,
            start_interval: *start_interval,
            retries: *retries,
        },
    };
    scope.note(format!(
        "HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
        plain_list(&check.test),
        duration(check.interval),
        duration(check.timeout),
        duration(check.start_period),
        duration(check.start_interval),
        check.retries
    ));
    scope.config().healthcheck = Some(check);
}

pub(crate) fn shell(scope: &mut Scope, words: &[String]) {
    scope.config().shell = words.to_vec();
    scope.note(format!("SHELL {}", plain_list(words)));
}

pub(crate) fn maintainer(scope: &mut Scope, name: &str) {
    name.clone_into(&mut scope.image.author);
    scope.note(format!("MAINTAINER {name}"));
}

/// Whether a text is the number or the name of a Linux signal.
fn is_signal(text: &str) -> bool {
    const NAMES: [&str; 36] = [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
        "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
        "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
    ];
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let name = text.to_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let real_time = |prefix: &str, most: u32| {
        name.strip_prefix(prefix)
            .and_then(|n| n.parse::<u32>().ok())
            .is_some_and(|n| (1..=most).contains(&n))
    };
    NAMES.contains(&name) || real_time("RTMIN+", 15) || real_time("RTMAX-", 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_names_or_numbers() {
        for good in ["9", "SIGTERM", "term", "RTMIN+3", "SIGRTMAX-14"] {
            assert!(is_signal(good), "{good}");
        }
        for bad in ["", "0", "SIGNOPE", "RTMIN+16", "$x"] {
            assert!(!is_signal(bad), "{bad}");
        }
    }
}
