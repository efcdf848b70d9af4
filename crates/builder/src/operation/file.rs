//! WORKDIR, COPY, ADD, and files that stand in the Dockerfile itself.

use super::{Inputs, hash, is_zero};
use oci::Digest;
use planner::{Copy, CopyItem, CopyKind, Id, Input, MakeDir, Mode, Owner, path};
use serde::{Serialize, Serializer};

/// No place, no time, no mode.
const NONE: i64 = -1;

#[derive(Serialize)]
struct Operation {
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(rename = "Actions")]
    actions: Vec<Base64>,
    /// Left out for the usual places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    indexes: Vec<[i64; 3]>,
}

/// Bytes, which Go writes in Base64.
struct Base64(Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

/// An action: the JSON of it, and the places of what it is done to and of what it takes from.
struct Done {
    json: Vec<u8>,
    secondary: i64,
}

/// The digest of actions that are done one after the other, the first one to the input at `base`, of `n_inputs`.
fn of_actions(actions: Vec<Done>, base: i64, n_inputs: i64) -> Digest {
    let last = actions.len().saturating_sub(1);
    let mut indexes = Vec::new();
    let mut is_usual = true;
    for (place, action) in actions.iter().enumerate() {
        let input = match place {
            0 => base,
            _ => n_inputs + place as i64 - 1,
        };
        let output = if place == last { 0 } else { NONE };
        // BuildKit's rule counts actions where it means inputs; what it leaves out depends on that.
        let expected = match place {
            0 => 0,
            _ => (actions.len() + place) as i64 - 1,
        };
        is_usual &= input == expected && matches!(action.secondary, NONE | 1);
        indexes.push([input, action.secondary, output]);
    }
    if is_usual {
        indexes.clear();
    }
    hash(&Operation {
        kind: "buildkit.file.v0",
        actions: actions.into_iter().map(|action| Base64(action.json)).collect(),
        indexes,
    })
}

fn alone(action: &impl Serialize, base: i64, n_inputs: i64) -> Digest {
    let done = Done {
        json: oci::go_json(action),
        secondary: NONE,
    };
    of_actions(vec![done], base, n_inputs)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MkDir<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u32,
    #[serde(skip_serializing_if = "is_zero")]
    make_parents: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Chown<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    timestamp: i64,
}

pub(super) fn of_make_dir(make: &MakeDir, base: i64) -> Digest {
    let action = MkDir {
        path: &make.path,
        mode: 0o755,
        make_parents: true,
        owner: make.owner.as_ref().map(|owner| Chown::of(owner, base)),
        timestamp: make.created.map_or(NONE, nanoseconds),
    };
    alone(&action, base, base + 1)
}

pub(super) fn of_cache_dir(mode: u32, uid: u32, gid: u32) -> Digest {
    let id = |id| Some(UserOption { user: User::of_id(id) });
    let action = MkDir {
        path: "/cache",
        mode,
        make_parents: false,
        owner: Some(Chown {
            user: id(uid),
            group: id(gid),
        }),
        timestamp: NONE,
    };
    alone(&action, NONE, 0)
}

pub(super) fn of_make_file(path: &str, mode: u32, text: &str) -> Digest {
    #[derive(Serialize)]
    struct MkFile<'a> {
        path: &'a str,
        #[serde(skip_serializing_if = "is_zero")]
        mode: u32,
        #[serde(skip_serializing_if = "is_empty")]
        data: Base64,
        timestamp: i64,
    }
    let action = MkFile {
        path,
        mode,
        data: Base64(text.as_bytes().to_vec()),
        timestamp: NONE,
    };
    alone(&action, NONE, 0)
}

fn is_empty(bytes: &Base64) -> bool {
    bytes.0.is_empty()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyAction<'a> {
    src: &'a str,
    dest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Chown<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    mode: i64,
    #[serde(skip_serializing_if = "is_zero")]
    follow_symlink: bool,
    #[serde(skip_serializing_if = "is_zero")]
    dir_copy_contents: bool,
    #[serde(skip_serializing_if = "is_zero")]
    attempt_unpack_docker_compatibility: bool,
    #[serde(skip_serializing_if = "is_zero")]
    create_dest_path: bool,
    #[serde(skip_serializing_if = "is_zero")]
    allow_wildcard: bool,
    #[serde(skip_serializing_if = "is_zero")]
    allow_empty_wildcard: bool,
    timestamp: i64,
    #[serde(rename = "include_patterns", skip_serializing_if = "Vec::is_empty")]
    include_patterns: Vec<&'a str>,
    #[serde(rename = "exclude_patterns", skip_serializing_if = "is_nothing")]
    exclude_patterns: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    mode_str: &'a str,
    #[serde(rename = "required_paths", skip_serializing_if = "Vec::is_empty")]
    required_paths: Vec<&'a str>,
}

fn is_nothing(patterns: &&[String]) -> bool {
    patterns.is_empty()
}

pub(super) fn of_copy(copy: &Copy, base: Input, inputs: &Inputs<'_>) -> Digest {
    let base = inputs.place(base);
    let actions = copy.items.iter().map(|item| {
        let secondary = inputs.place(item.from);
        Done {
            json: oci::go_json(&copy_action(copy, item, base, secondary)),
            secondary,
        }
    });
    of_actions(actions.collect(), base, inputs.len())
}

fn copy_action<'a>(copy: &'a Copy, item: &'a CopyItem, base: i64, secondary: i64) -> CopyAction<'a> {
    let (is_local, unpack) = match item.kind {
        CopyKind::Local { unpack } => (true, unpack),
        CopyKind::Remote { unpack } => (false, unpack),
    };
    let (mode, mode_str) = match &copy.mode {
        None => (NONE, ""),
        Some(Mode::Octal(mode)) => (i64::from(*mode), ""),
        Some(Mode::Symbolic(changes)) => (0, changes.as_str()),
    };
    CopyAction {
        // Where the files are is no part of it, only how the last of their names is.
        src: if secondary == NONE {
            &item.path
        } else {
            path::base(&item.path)
        },
        dest: &copy.dest,
        owner: copy.owner.as_ref().map(|owner| Chown::of(owner, base)),
        mode,
        follow_symlink: is_local,
        dir_copy_contents: is_local,
        attempt_unpack_docker_compatibility: unpack,
        create_dest_path: true,
        allow_wildcard: is_local,
        allow_empty_wildcard: is_local,
        timestamp: NONE,
        include_patterns: item.include.as_deref().into_iter().collect(),
        exclude_patterns: &copy.exclude,
        mode_str,
        required_paths: item.required.as_deref().into_iter().collect(),
    }
}

#[derive(Serialize)]
struct Chown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserOption<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<UserOption<'a>>,
}

#[derive(Serialize)]
struct UserOption<'a> {
    #[serde(rename = "User")]
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(rename = "byName", skip_serializing_if = "Option::is_none")]
    by_name: Option<Named<'a>>,
    #[serde(rename = "byId", skip_serializing_if = "is_zero")]
    by_id: u32,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    input: i64,
}

impl<'a> Chown<'a> {
    /// Names are looked up in the filesystem at `base`.
    fn of(owner: &'a Owner, base: i64) -> Chown<'a> {
        let option = |id: &'a Id| UserOption {
            user: match id {
                Id::Number(number) => User::of_id(*number),
                Id::Name(name) => User {
                    by_name: Some(Named { name, input: base }),
                    by_id: 0,
                },
            },
        };
        Chown {
            user: Some(option(&owner.user)),
            group: owner.group.as_ref().map(option),
        }
    }
}

impl User<'_> {
    fn of_id(by_id: u32) -> Self {
        User { by_name: None, by_id }
    }
}

fn nanoseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000)
}
