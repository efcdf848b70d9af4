//! Instructions in a learner's words.

use dockerfile::{Command, Health, Instruction, Kind, Spanned, Transfer};

/// One sentence that says what an instruction does.
pub fn explain(instruction: &Instruction) -> String {
    match &instruction.kind {
        Kind::From { image, alias, .. } => explain_from(&image.value, alias.as_ref()),
        Kind::Arg(names) => {
            let names: Vec<&str> = names.iter().map(|arg| arg.name.value.as_str()).collect();
            format!(
                "Declares {} for the build: `--build-arg` can set it, the finished image does not have it.",
                list(&names)
            )
        }
        Kind::Env(pairs) => {
            let names: Vec<&str> = pairs.iter().map(|pair| pair.key.value.as_str()).collect();
            format!(
                "Sets {} for the steps below and for every container of the image.",
                list(&names)
            )
        }
        Kind::Label(pairs) => {
            let names: Vec<&str> = pairs.iter().map(|pair| pair.key.value.as_str()).collect();
            format!("Writes {} on the image as a label; no file changes.", list(&names))
        }
        Kind::Run { command, mounts, .. } => explain_run(command, mounts.len(), !instruction.heredocs.is_empty()),
        Kind::Copy(copy) => explain_copy(copy, "Copies"),
        Kind::Add(add) => explain_add(add),
        Kind::Workdir(path) => format!(
            "Makes {} the working directory of the steps below and of containers, and creates it if it is missing.",
            path.value
        ),
        Kind::User(user) => format!("Lets the RUN lines below and containers work as user {}.", user.value),
        Kind::Cmd(command) => format!(
            "Says what a container runs unless told otherwise: {}.",
            command_text(command)
        ),
        Kind::Entrypoint(command) => format!(
            "Says which program a container always starts: {}; CMD or the words after `docker run IMAGE` are its arguments.",
            command_text(command)
        ),
        Kind::Expose(ports) => {
            let ports: Vec<&str> = ports.iter().map(|port| port.value.as_str()).collect();
            format!(
                "Notes that containers listen on {}; publishing it is up to `docker run -p`.",
                list(&ports)
            )
        }
        Kind::Volume(paths) => {
            let paths: Vec<&str> = paths.iter().map(|path| path.value.as_str()).collect();
            format!(
                "Keeps {} of each container in a volume outside its layers.",
                list(&paths)
            )
        }
        Kind::Stopsignal(signal) => format!("Stops containers with {} instead of SIGTERM.", signal.value),
        Kind::Healthcheck(Health::None) => "Turns off the health check that the base image has.".to_owned(),
        Kind::Healthcheck(Health::Cmd { command, .. }) => {
            format!(
                "Tells Docker how to see that a container is well: {}.",
                command_text(command)
            )
        }
        Kind::Shell(words) => format!("Runs the shell forms below with {}.", words.join(" ")),
        Kind::Onbuild(trigger) => format!(
            "Does nothing here, but when another image starts from this one: {}",
            lower_first(&explain(trigger))
        ),
        Kind::Maintainer(name) => format!("Names {} as author of the image.", name.value),
        Kind::Unknown => format!("{} is no instruction that can be read.", instruction.keyword.value),
    }
}

fn explain_from(image: &str, alias: Option<&Spanned<String>>) -> String {
    let start = if image == "scratch" {
        "Starts from nothing, without a single file".to_owned()
    } else {
        format!("Starts from the image {image}: its files, its environment, its settings")
    };
    match alias {
        Some(alias) => format!("{start}; other stages call this one {}.", alias.value),
        None => format!("{start}."),
    }
}

fn explain_run(command: &Command, n_mounts: usize, has_heredoc: bool) -> String {
    let what = match command {
        Command::Exec(_) => "Runs a program",
        Command::Shell(_) if has_heredoc => "Runs a script in the shell",
        Command::Shell(_) => "Runs a command in the shell",
    };
    let mounts = match n_mounts {
        0 => "",
        1 => ", with a mount that is not part of the image",
        _ => ", with mounts that are not part of the image",
    };
    format!("{what} inside the image as it stands here{mounts}, and keeps what it changes as a layer.")
}

fn explain_copy(copy: &Transfer, verb: &str) -> String {
    let mut sources: Vec<&str> = copy.sources.iter().map(|source| source.value.as_str()).collect();
    if !copy.inline.is_empty() {
        sources.push("a file written here");
    }
    let place = match &copy.from {
        Some(from) => format!("from {}", from.value),
        None if copy.sources.is_empty() => String::new(),
        None => "from the build context".to_owned(),
    };
    let place = if place.is_empty() { place } else { format!(" {place}") };
    let link = if copy.link {
        ", as a layer of its own that does not depend on those below"
    } else {
        ""
    };
    format!(
        "{verb} {}{place} to {}{link}.",
        list(&sources),
        place_of(&copy.dest.value)
    )
}

fn explain_add(add: &Transfer) -> String {
    let remote = |source: &Spanned<String>| source.value.contains("://");
    if add.sources.iter().any(remote) {
        let sources: Vec<&str> = add.sources.iter().map(|source| source.value.as_str()).collect();
        return format!("Downloads {} to {}.", list(&sources), place_of(&add.dest.value));
    }
    let text = explain_copy(add, "Copies");
    if add.unpack == Some(false) {
        return text;
    }
    format!("{text} Archives are unpacked.")
}

fn command_text(command: &Command) -> String {
    match command {
        Command::Exec(words) => format!("`{}`", words.join(" ")),
        Command::Shell(text) => format!("`{text}`, in a shell"),
    }
}

/// `a`, `a and b`, `a, b and c`; long lists are cut.
fn list(items: &[&str]) -> String {
    match items {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] if items.len() <= 4 => format!("{} and {last}", first.join(", ")),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} more", rest.len()),
        _ => unreachable!("two and three items match above"),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// A destination in words: a lone dot would be taken for the end of the sentence.
fn place_of(dest: &str) -> &str {
    match dest {
        "." | "./" => "the working directory",
        dest => dest,
    }
}
