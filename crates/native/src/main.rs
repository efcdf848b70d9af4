//! The `layerlab` program.

use clap::Parser;
use native::args::{Call, Cli, Command, RegistryCommand, is_docker, root_last};
use native::check::{Verdict, Wanted, check};
use native::docker;
use native::failure::Failure;
use native::preview::preview;
use native::serve::Registry;
use native::terminal::Terminal;
use std::any::Any;
use std::io::{self, IsTerminal};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use store::Time;

fn main() -> ExitCode {
    let (mut stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut terminal = Terminal {
        stdin: &mut stdin,
        stdout: &mut stdout,
        stderr: &mut stderr,
        colour,
        environment: &|name| std::env::var(name).ok(),
        now: now(),
    };
    let done = panic::catch_unwind(AssertUnwindSafe(|| dispatch(&mut terminal)));
    match done.unwrap_or_else(|thrown| Err(thrown_failure(thrown))) {
        Ok(code) => code,
        Err(failure) => {
            // Nothing is left to do if even this cannot be said.
            let _ = terminal.stderr.write_all(failure.render().as_bytes());
            ExitCode::from(failure.exit.code())
        }
    }
}

/// What ended the program where no error could be returned: see [`native::layers`].
fn thrown_failure(thrown: Box<dyn Any + Send>) -> Failure {
    match thrown.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(other) => panic::resume_unwind(other),
    }
}

/// The commands of the `docker` command language are read by its own table, all others by [`Cli`].
fn dispatch(terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if is_docker(&words) {
        return docker::run(&words, terminal).map(ExitCode::from);
    }
    run(&Cli::parse_from(root_last(std::env::args_os().collect())), terminal)
}

fn run(cli: &Cli, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let verdict = match &cli.command {
        Command::Check(args) if args.advice => check(&args.input, Wanted::Advice, terminal)?,
        Command::Check(args) => check(&args.input, Wanted::Checks, terminal)?,
        Command::Preview(args) if args.check || args.call == Call::Check => {
            check(&args.input, Wanted::Checks, terminal)?
        }
        Command::Preview(args) => {
            preview(args, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Registry(RegistryCommand::Serve(args)) => {
            Registry::bind(args, &variables())?.run();
            return Ok(ExitCode::SUCCESS);
        }
    };
    // As `docker build --check`: a warning is no success.
    Ok(if verdict == Verdict::Clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The environment, as far as it is text.
fn variables() -> Vec<(String, String)> {
    let texts = std::env::vars_os().map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.flatten().collect()
}

fn now() -> Time {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Time {
            secs: since.as_secs() as i64,
            nanos: since.subsec_nanos(),
        },
        // A clock before 1970 is set wrong; the epoch is as good as any time.
        Err(_) => Time::default(),
    }
}
