//! WORKDIR, COPY, ADD, and files that stand in the Dockerfile itself.

use super::message::Message;
use super::{Inputs, NONE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use planner::{Copy, CopyItem, CopyKind, Id, Input, MakeDir, Mode, Owner, path};

/// An action, and the place of what it takes from.
type Done = (Message, i64);

/// Actions that are done one after the other, the first one to the input at `base`, of `n_inputs`.
fn of_actions(actions: Vec<Done>, base: i64, n_inputs: i64) -> Message {
    let count = actions.len() as i64;
    let (mut texts, mut indexes) = (Vec::new(), Vec::new());
    let mut is_usual = true;
    for (place, (action, from)) in (0..).zip(actions) {
        // Both count what the actions before have made behind the inputs. BuildKit's rule for what is usual counts actions where it
        // means inputs; what it leaves out depends on that.
        let (input, usual) = match place {
            0 => (base, 0),
            _ => (n_inputs + place - 1, count + place - 1),
        };
        let output = if place + 1 == count { 0 } else { NONE };
        is_usual &= input == usual && matches!(from, NONE | 1);
        indexes.push(format!("[{input},{from},{output}]"));
        texts.push(format!("\"{}\"", STANDARD.encode(action.end())));
    }
    if is_usual {
        indexes.clear();
    }
    Message::default()
        .text("Type", "buildkit.file.v0")
        .list("Actions", &texts)
        .list("indexes", &indexes)
}

fn alone(action: Message, base: i64) -> Message {
    of_actions(vec![(action, NONE)], base, base + 1)
}

pub(super) fn of_make_dir(make: &MakeDir, base: i64) -> Message {
    let action = Message::default()
        .text("path", &make.path)
        .number("mode", 0o755)
        .flag("makeParents", true)
        .option("owner", make.owner.as_ref().map(|owner| chown(owner, base)))
        .number("timestamp", make.created.map_or(NONE, nanoseconds));
    alone(action, base)
}

pub(super) fn of_cache_dir(mode: u32, uid: u32, gid: u32) -> Message {
    let owner = Owner {
        user: Id::Number(uid),
        group: Some(Id::Number(gid)),
    };
    let action = Message::default()
        .text("path", "/cache")
        .number("mode", mode.into())
        .message("owner", chown(&owner, NONE))
        .number("timestamp", NONE);
    alone(action, NONE)
}

pub(super) fn of_make_file(path: &str, mode: u32, text: &str) -> Message {
    let action = Message::default()
        .text("path", path)
        .number("mode", mode.into())
        .text("data", &STANDARD.encode(text))
        .number("timestamp", NONE);
    alone(action, NONE)
}

pub(super) fn of_copy(copy: &Copy, base: Input, inputs: &Inputs<'_>) -> Message {
    let base = inputs.place(base);
    let actions = copy.items.iter().map(|item| {
        let from = inputs.place(item.from);
        (action(copy, item, base, from), from)
    });
    of_actions(actions.collect(), base, inputs.len())
}

fn action(copy: &Copy, item: &CopyItem, base: i64, from: i64) -> Message {
    let (is_local, unpack) = match item.kind {
        CopyKind::Local { unpack } => (true, unpack),
        CopyKind::Remote { unpack } => (false, unpack),
    };
    let (mode, changes) = match &copy.mode {
        None => (NONE, ""),
        Some(Mode::Octal(mode)) => (i64::from(*mode), ""),
        Some(Mode::Symbolic(changes)) => (0, changes.as_str()),
    };
    // Where the files are is no part of it, only the last of their names.
    let source = if from == NONE {
        &item.path
    } else {
        path::base(&item.path)
    };
    Message::default()
        .text("src", source)
        .text("dest", &copy.dest)
        .option("owner", copy.owner.as_ref().map(|owner| chown(owner, base)))
        .number("mode", mode)
        .flag("followSymlink", is_local)
        .flag("dirCopyContents", is_local)
        .flag("attemptUnpackDockerCompatibility", unpack)
        .flag("createDestPath", true)
        .flag("allowWildcard", is_local)
        .flag("allowEmptyWildcard", is_local)
        .number("timestamp", NONE)
        .texts("include_patterns", item.include.as_deref())
        .texts("exclude_patterns", copy.exclude.iter().map(String::as_str))
        .text("modeStr", changes)
        .texts("required_paths", item.required.as_deref())
}

/// Names are looked up in the filesystem at `base`.
fn chown(owner: &Owner, base: i64) -> Message {
    let option = |id: &Id| {
        let user = match id {
            Id::Number(number) => Message::default().number("byId", (*number).into()),
            Id::Name(name) => {
                let named = Message::default().text("name", name).number("input", base);
                Message::default().message("byName", named)
            }
        };
        Message::default().message("User", user)
    };
    Message::default()
        .message("user", option(&owner.user))
        .option("group", owner.group.as_ref().map(option))
}

fn nanoseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000)
}
