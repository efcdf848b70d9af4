//! Programs that keep logins: `docker-credential-NAME`.

use cli::docker::Helped;
use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take: it may have to ask a person.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often one looks whether it is done.
const GLANCE: Duration = Duration::from_millis(5);
/// The most that is read of what it says, in bytes.
const MAX_OUTPUT: u64 = 1 << 20;

/// Runs `docker-credential-NAME ACTION` with `input`.
///
/// # Errors
///
/// If the program is not there or takes too long. What it was given and what it said stands in no error.
pub fn ask_helper(name: &str, action: &str, input: &str) -> io::Result<Helped> {
    ask(
        Command::new(format!("docker-credential-{name}")).arg(action),
        input,
        PATIENCE,
    )
}

fn ask(command: &mut Command, input: &str, patience: Duration) -> io::Result<Helped> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let input = input.to_owned();
    // A program that does not read what it is given, or writes more than fits into a pipe, must not hold this one up.
    let writing = thread::spawn(move || {
        let _ = stdin.as_mut().map(|stdin| stdin.write_all(input.as_bytes()));
    });
    let reading = thread::spawn(move || {
        let mut output = String::new();
        let read = stdout.map(|stdout| stdout.take(MAX_OUTPUT).read_to_string(&mut output));
        read.transpose().map(|_| output)
    });
    let succeeded = wait(&mut child, patience)?;
    let _ = writing.join();
    let output = reading.join().unwrap_or_else(|_| Err(ErrorKind::Other.into()))?;
    Ok(Helped { succeeded, output })
}

fn wait(child: &mut Child, patience: Duration) -> io::Result<bool> {
    let until = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= until {
            let _ = child.kill();
            let _ = child.wait();
            let what = format!("expected an answer within {} seconds", patience.as_secs());
            return Err(io::Error::new(ErrorKind::TimedOut, what));
        }
        thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_helper_is_given_and_says_something() {
        let helped = ask(&mut shell("read line; echo \"got $line\"; exit 3"), "host\n", PATIENCE).unwrap();
        assert_eq!((helped.output.as_str(), helped.succeeded), ("got host\n", false));
        assert!(!format!("{helped:?}").contains("got"));
        assert!(
            ask(&mut shell("exit 0"), &"x".repeat(1 << 20), PATIENCE)
                .unwrap()
                .succeeded
        );
    }

    #[test]
    fn a_helper_that_does_not_answer_is_ended() {
        let error = ask(&mut shell("exec sleep 60"), "", Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(
            ask_helper("no-such-helper", "get", "").unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
