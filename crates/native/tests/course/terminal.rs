//! A shell at a terminal, to which lines are typed.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// No command of the course takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(3);
/// The shell says so, with the exit code, when it waits for a line.
const READY: &str = "\u{1}ready ";

/// A shell at a terminal of its own; it ends when dropped.
pub(crate) struct Terminal {
    shell: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
}

impl Terminal {
    /// Runs a command, which becomes a bash, at a new terminal.
    pub(crate) fn open(command: &[&str], variables: &[(&str, String)]) -> Terminal {
        let quoted: Vec<String> = command
            .iter()
            .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
            .collect();
        let mut script = Command::new("script");
        script.args(["-qfec", &quoted.join(" "), "/dev/null"]).env_clear();
        script.envs(variables.iter().map(|(name, value)| (*name, value)));
        script
            .env("TERM", "dumb")
            .env("PS1", "")
            .env("PROMPT_COMMAND", "printf '\\001ready %s\\n' $?");
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = script.spawn().expect("script; it is part of Debian's bsdutils");
        let (keys, mut screen) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
        let (sender, shown) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut terminal = Terminal { shell, keys, shown };
        terminal.until("the shell's first prompt", |text| text.contains(READY));
        // Nothing of what is typed is shown, so that nothing of it is taken for an answer.
        terminal.type_line("stty -echo cols 200", &[]);
        terminal
    }

    /// Types a line, and an answer each time the command asks; what was said, and the exit code.
    pub(crate) fn type_line(&mut self, line: &str, answers: &[String]) -> (String, i32) {
        writeln!(self.keys, "{line}").unwrap();
        let mut said = String::new();
        for answer in answers {
            // A question is a line that stays open.
            said += &self.until(line, |text| {
                text.contains(READY) || text.trim_end_matches(' ').ends_with(':')
            });
            if said.contains(READY) {
                break;
            }
            writeln!(self.keys, "{answer}").unwrap();
        }
        if !is_complete(&said) {
            said += &self.until(line, is_complete);
        }
        let (said, rest) = said.split_once(READY).expect("it was waited for");
        (said.to_owned(), rest.trim().parse().expect("an exit code"))
    }

    /// What is shown from here on, until it is as it must be.
    fn until(&mut self, line: &str, is_enough: impl Fn(&str) -> bool) -> String {
        let mut bytes = Vec::new();
        loop {
            let text = plain(&bytes);
            if is_enough(&text) {
                return text;
            }
            match self.shown.recv_timeout(PATIENCE) {
                Ok(more) => bytes.extend(more),
                Err(error) => panic!("{line}: {error}; so far:\n{text}"),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Whether the shell waits for the next line.
fn is_complete(text: &str) -> bool {
    text.split_once(READY).is_some_and(|(_, rest)| rest.contains('\n'))
}

/// What is left to read without the terminal's control sequences.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        let end = after
            .find(|char: char| char.is_ascii_alphabetic())
            .map_or(after.len(), |end| end + 1);
        rest = &after[end..];
    }
    plain + rest
}
