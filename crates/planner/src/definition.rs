//! What a step's operation consists of, in named parts: the same parts, the same operation.
//!
//! The parts are those that go into BuildKit's digest of the operation. Inputs and their content are not among them; of a
//! source only the last component of its path is.

use crate::path;
use crate::plan::{Action, Copy, CopyItem, CopyKind, Id, MakeDir, Mode, MountKind, Network, Owner, Run, Sharing};

type Parts = Vec<(String, String)>;

/// WORKDIR.
pub(crate) fn of_make_dir(make: &MakeDir) -> Parts {
    let mut parts = vec![part("operation", "make directory"), part("path", &make.path)];
    parts.extend(make.owner.as_ref().map(|owner| part("owner", &owner_text(owner))));
    parts.extend(make.created.map(|time| part("time", &time.to_string())));
    parts
}

/// COPY and ADD.
pub(crate) fn of_copy(copy: &Copy) -> Parts {
    let mut parts = vec![part("operation", "copy")];
    for item in &copy.items {
        parts.push(part("source", &item_text(item)));
    }
    parts.push(part("destination", &copy.dest));
    parts.extend(copy.owner.as_ref().map(|owner| part("owner", &owner_text(owner))));
    parts.extend(copy.mode.as_ref().map(|mode| match mode {
        Mode::Octal(mode) => part("mode", &format!("{mode:04o}")),
        Mode::Symbolic(text) => part("mode", text),
    }));
    parts.extend(copy.exclude.iter().map(|pattern| part("exclude", pattern)));
    parts
}

fn item_text(item: &CopyItem) -> String {
    let name = path::base(&item.path);
    let include = item
        .include
        .as_ref()
        .map(|include| format!(" ({include})"))
        .unwrap_or_default();
    let how = match item.kind {
        CopyKind::Local { unpack: true } => ", unpacked",
        CopyKind::Local { unpack: false } => "",
        CopyKind::Remote { unpack: true } => ", as it is, unpacked",
        CopyKind::Remote { unpack: false } => ", as it is",
    };
    format!("{name}{include}{how}")
}

fn owner_text(owner: &Owner) -> String {
    let id = |id: &Id| match id {
        Id::Number(number) => number.to_string(),
        Id::Name(name) => format!("named {name}"),
    };
    match &owner.group {
        Some(group) => format!("{}:{}", id(&owner.user), id(group)),
        None => id(&owner.user),
    }
}

/// `COPY --link`'s second half.
pub(crate) fn of_link() -> Parts {
    vec![part("operation", "link")]
}

/// RUN. Proxies, and where cache mounts are kept, are no part of it.
pub(crate) fn of_run(run: &Run) -> Parts {
    let (command, shell) = run.argv.split_last().map_or(("", &[][..]), |(last, rest)| (last, rest));
    let mut parts = vec![
        part("operation", "run"),
        part("shell", &serde_json::json!(shell).to_string()),
        part("command", command),
        part("platform", &run.platform.to_string()),
        part("working directory", &run.cwd),
        part("user", &run.user),
    ];
    parts.extend(
        run.env
            .iter()
            .map(|(name, value)| part(&format!("variable {name}"), value)),
    );
    parts.extend(match run.network {
        Network::Default => None,
        Network::None => Some(part("network", "none")),
        Network::Host => Some(part("network", "host")),
    });
    if run.insecure {
        parts.push(part("security", "insecure"));
    }
    for mount in &run.mounts {
        let access = if mount.read_only { "read only" } else { "writable" };
        let what = match &mount.kind {
            MountKind::Bind { .. } => "files".to_owned(),
            MountKind::Cache { id, sharing, .. } => match (default_id(id) == mount.target, sharing) {
                (true, Sharing::Shared) => "a cache".to_owned(),
                _ => "a cache of its own".to_owned(),
            },
            MountKind::Tmpfs { size } => format!("memory, {size} bytes"),
            MountKind::Secret {
                id,
                env,
                required,
                mode,
                uid,
                gid,
            } => format!(
                "secret {id} {} {required} {mode:o} {uid}:{gid}",
                env.as_deref().unwrap_or_default()
            ),
            MountKind::Ssh {
                id,
                required,
                mode,
                uid,
                gid,
            } => format!("agent {id} {required} {mode:o} {uid}:{gid}"),
        };
        parts.push(part(&format!("mount {}", mount.target), &format!("{what}, {access}")));
    }
    parts
}

/// A cache's identity without its namespace.
fn default_id(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, rest)| rest)
}

/// Text that is equal for steps that do the same to the same, `inputs` being those of the whole build.
pub(crate) fn identity(action: &Action, parts: &Parts, inputs: &str) -> String {
    let paths: Vec<(&str, &str)> = match action {
        Action::Copy(copy) => copy.items.iter().map(|item| (item.path.as_str(), "")).collect(),
        Action::Run(run) => run
            .mounts
            .iter()
            .map(|mount| match &mount.kind {
                MountKind::Bind { source, .. } => (source.as_str(), ""),
                MountKind::Cache { id, source, .. } => (source.as_str(), id.as_str()),
                _ => ("", ""),
            })
            .collect(),
        Action::MakeDir(_) | Action::Link { .. } => Vec::new(),
    };
    format!("{parts:?} {paths:?} {inputs}")
}

fn part(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
