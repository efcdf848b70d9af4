//! Signals, and what the first process of a container does on them.

use super::super::Refusal;

/// A Linux signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(pub i32);

const NAMES: [(&str, i32); 36] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
    ("RTMIN", 34),
    ("RTMAX", 64),
];

impl Signal {
    /// `SIGKILL`.
    pub const KILL: Signal = Signal(9);
    /// `SIGTERM`.
    pub const TERM: Signal = Signal(15);

    /// Reads `TERM`, `SIGTERM` or `15`, capitals or not.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`].
    pub fn parse(text: &str) -> Result<Signal, Refusal> {
        let wrong = || Refusal::invalid(format!("invalid signal: {text}"));
        if let Ok(number) = text.parse::<i32>() {
            return if (1..=64).contains(&number) {
                Ok(Signal(number))
            } else {
                Err(wrong())
            };
        }
        let upper = text.to_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let named = NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| *number);
        let real_time = || {
            let after = name
                .strip_prefix("RTMIN+")
                .and_then(|n| n.parse::<i32>().ok())
                .filter(|n| (1..=15).contains(n));
            let before = name
                .strip_prefix("RTMAX-")
                .and_then(|n| n.parse::<i32>().ok())
                .filter(|n| (1..=14).contains(n));
            after.map(|n| 34 + n).or(before.map(|n| 64 - n))
        };
        named.or_else(real_time).map(Signal).ok_or_else(wrong)
    }
}

/// What becomes of a process on a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It ends with this code.
    Ends(i32),
    /// It goes on.
    GoesOn,
}

/// Programs that end on signals of their own accord: names, signals, exit code. Others have no handlers, and the first process
/// of a container gets no signal it does not handle but `SIGKILL`.
///
/// Source: `pid_namespaces(7)`, and the manuals of the programs. Programs written in Go end with 2: their runtime's handler raises
/// the signal again, and where that does nothing, exits.
const HANDLERS: &[(&[&str], &[i32], i32)] = &[
    (&["nginx"], &[2, 3, 15], 0),
    (
        &["httpd", "apache2", "httpd-foreground", "apache2-foreground"],
        &[15, 28],
        0,
    ),
    (
        &[
            "redis-server",
            "valkey-server",
            "memcached",
            "mongod",
            "haproxy",
            "php-fpm",
        ],
        &[2, 15],
        0,
    ),
    (&["postgres"], &[2, 3, 15], 0),
    (&["mysqld", "mariadbd"], &[3, 15], 0),
    (&["java"], &[1, 2, 15], 143),
    (&["python", "python3"], &[2], 130),
    (
        &["registry", "caddy", "traefik", "consul", "etcd", "prometheus"],
        &[1, 2, 3, 15],
        2,
    ),
];

/// What the first process of a container does on a signal; with `--init` there is one before it that passes signals on.
pub(super) fn answer(argv: &[String], has_init: bool, signal: Signal) -> Answer {
    // Children that end, windows that change, and what stops or continues.
    const HARMLESS: [i32; 7] = [17, 18, 19, 20, 21, 22, 23];
    if signal == Signal::KILL {
        return Answer::Ends(137);
    }
    let program = argv.first().map_or("", String::as_str);
    let program = program.rsplit('/').next().unwrap_or_default().trim_end_matches(':');
    // `python3.12` is python.
    let plain = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let handler = HANDLERS
        .iter()
        .find(|(names, _, _)| names.contains(&program) || names.contains(&plain));
    match handler {
        Some((_, signals, code)) if signals.contains(&signal.0) => Answer::Ends(*code),
        _ if has_init && signal.0 != 28 && !HARMLESS.contains(&signal.0) => Answer::Ends(128 + signal.0),
        _ => Answer::GoesOn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_read_by_name_and_number() {
        for (text, number) in [
            ("9", 9),
            ("KILL", 9),
            ("sigterm", 15),
            ("SIGRTMIN+3", 37),
            ("RTMAX-1", 63),
        ] {
            assert_eq!(Signal::parse(text).ok(), Some(Signal(number)), "{text}");
        }
        for text in ["", "0", "65", "-1", "SIGNOPE", "RTMIN+16"] {
            let error = Signal::parse(text).expect_err("no signal").to_string();
            assert_eq!(error, format!("invalid signal: {text}"));
        }
    }

    #[test]
    fn a_first_process_without_a_handler_only_ends_when_it_is_killed() {
        let argv = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let of = |text: &str, init, signal| answer(&argv(text), init, Signal(signal));
        assert_eq!(of("sleep 100", false, 15), Answer::GoesOn);
        assert_eq!(of("sleep 100", false, 9), Answer::Ends(137));
        assert_eq!(of("sleep 100", true, 15), Answer::Ends(143));
        assert_eq!(of("nginx -g daemon", false, 3), Answer::Ends(0));
        assert_eq!(of("nginx", false, 1), Answer::GoesOn);
        assert_eq!(of("/bin/registry serve /etc/x.yml", false, 15), Answer::Ends(2));
        assert_eq!(of("python3.12 app.py", false, 15), Answer::GoesOn);
        assert_eq!(of("", false, 15), Answer::GoesOn);
    }
}
