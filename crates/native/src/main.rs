//! The `layerlab` program.

use clap::FromArgMatches;
use native::args::{Call, Cli, Command, RegistryCommand, command, for_clap, is_docker};
use native::build::{Isolation, build};
use native::check::{Verdict, Wanted, check};
use native::completion;
use native::docker;
use native::failure::Failure;
use native::fsck::{Soundness, fsck};
use native::manual;
use native::play::play;
use native::preview::preview;
use native::serve::{self, Registry};
use native::terminal::Terminal;
use std::any::Any;
use std::io::{self, IsTerminal};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use store::Time;

fn main() -> ExitCode {
    // A sandbox, and a container's keeper, begin as this very program.
    sandbox::init();
    native::containers::init();
    // Whoever may make no mounts becomes root in a namespace of users, before there are threads.
    let words = words();
    let isolation = if is_build() {
        Some(sandbox::enter_user_namespace())
    } else {
        docker::root_of_containers(&words).map(|root| native::containers::enter(&root))
    };
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
    let done = panic::catch_unwind(AssertUnwindSafe(|| dispatch(&words, isolation.as_ref(), &mut terminal)));
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
fn dispatch(words: &[String], isolation: Option<&Isolation>, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    if is_docker(words) {
        return docker::run(words, isolation, terminal).map(ExitCode::from);
    }
    if let [word, rest @ ..] = words
        && word == completion::ASK
    {
        return terminal
            .print(&completion::candidates(rest, terminal))
            .map(|()| ExitCode::SUCCESS);
    }
    let matches = command().get_matches_from(for_clap(std::env::args_os().collect()));
    // What matches the command line has the form of its arguments.
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    run(&cli, isolation, terminal)
}

/// What was typed after the program's name.
fn words() -> Vec<String> {
    let words = std::env::args_os().skip(1);
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Whether commands are to be run.
fn is_build() -> bool {
    let words = for_clap(std::env::args_os().collect());
    words.get(1).is_some_and(|word| word == "build")
}

fn run(cli: &Cli, isolation: Option<&Isolation>, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let verdict = match &cli.command {
        Command::Check(args) if args.advice => check(&args.input, Wanted::Advice, terminal)?,
        Command::Check(args) => check(&args.input, Wanted::Checks, terminal)?,
        Command::Build(args) if args.common.check || args.common.call == Call::Check => {
            check(&args.common.input, Wanted::Checks, terminal)?
        }
        #[cfg(feature = "remote")]
        Command::Build(args) if !args.remote.builders.is_empty() => {
            native::remote::build(args, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Build(args) => {
            build(args, isolation, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Preview(args) if args.check || args.call == Call::Check => {
            check(&args.input, Wanted::Checks, terminal)?
        }
        Command::Preview(args) => {
            preview(args, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Completion(args) => {
            terminal.print(completion::script(args.shell))?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Man(args) => {
            manual::write(&args.dir)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Fsck(args) => {
            return Ok(match fsck(args, terminal)? {
                Soundness::Sound => ExitCode::SUCCESS,
                Soundness::Broken => ExitCode::FAILURE,
            });
        }
        Command::Play(args) => {
            play(args, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Registry(RegistryCommand::Serve(args)) => {
            Registry::bind(args, &variables())?.run();
            return Ok(ExitCode::SUCCESS);
        }
        Command::Registry(RegistryCommand::GarbageCollect(args)) => {
            serve::collect(args, &variables(), terminal.stdout)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Registry(RegistryCommand::Fsck(args)) => serve::check(args, &variables(), terminal.stdout)?,
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
