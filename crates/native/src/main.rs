//! The `layerlab` program.

use clap::Parser;
use native::args::{Call, Cli, Command, RegistryCommand};
use native::check::{Verdict, Wanted, check};
use native::failure::Failure;
use native::play::play;
use native::preview::preview;
use native::serve::Registry;
use native::terminal::Terminal;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use store::Time;

fn main() -> ExitCode {
    let cli = Cli::parse();
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
    match run(&cli, &mut terminal) {
        Ok(code) => code,
        Err(failure) => {
            // Nothing is left to do if even this cannot be said.
            let _ = terminal.stderr.write_all(failure.render().as_bytes());
            ExitCode::from(failure.exit.code())
        }
    }
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
        Command::Play(args) => {
            play(args, terminal)?;
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
