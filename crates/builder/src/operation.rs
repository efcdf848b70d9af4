//! What operations are called: BuildKit's own digests, so that a cache leads to the same results on both sides.
//!
//! BuildKit hashes an operation's protocol buffer as Go writes it in JSON.
//!
//! Source: BuildKit, `solver/llbsolver/ops` (`CacheMap` in `exec.go`, `file.go`, `merge.go`, `source.go`), `solver/pb/ops.proto`,
//! `client/llb` (`exec.go`, `fileop.go`), `solver/cachekey.go`.

mod exec;
mod file;
mod message;

use crate::deps::Dep;
use message::Message;
use oci::{Digest, Platform};
use planner::{Action, Input, Plan};

/// The first, and here the only, filesystem that an operation makes.
const FIRST_OUTPUT: i64 = 0;
/// In the place of an output: the checksum of files.
const CONTENT: i64 = -1;
/// In the place of a number: no input, no output, no time, no mode.
const NONE: i64 = -1;

/// What the operation of a step on `deps` is known by.
pub(crate) fn of_step(plan: &Plan, step: usize, deps: &[Dep]) -> Digest {
    let inputs = Inputs { plan, deps };
    let step = &plan.steps[step];
    let operation = match &step.action {
        Action::MakeDir(make) => file::of_make_dir(make, inputs.place(step.base)),
        Action::Copy(copy) => file::of_copy(copy, step.base, &inputs),
        Action::Link { .. } => of_merge(inputs.len()),
        Action::Run(run) => exec::of_run(run, step.base, &inputs),
    };
    output(&hash(operation), FIRST_OUTPUT)
}

/// What a file that stands in the Dockerfile itself is known by.
pub(crate) fn of_inline(path: &str, mode: u32, text: &str) -> Digest {
    output(&hash(file::of_make_file(path, mode, text)), FIRST_OUTPUT)
}

/// What the directory of a cache mount with an owner or a mode is known by.
pub(crate) fn of_cache_dir(mode: u32, uid: u32, gid: u32) -> Digest {
    output(&hash(file::of_cache_dir(mode, uid, gid)), FIRST_OUTPUT)
}

/// What an image is known by that has this manifest.
pub(crate) fn of_image(manifest: &Digest, platform: &Platform) -> Digest {
    let name = Message::default()
        .text("Digest", &manifest.to_string())
        .text("OS", &platform.os)
        .text("Arch", &platform.architecture)
        .text("Variant", &platform.variant);
    of_source(&hash(name).to_string())
}

/// What a download is known by: its name and content, and what the server says of its age.
pub(crate) fn of_download(filename: &str, content: &str, modified: &str) -> Digest {
    let name = Message::default()
        .text("Filename", filename)
        .any_number("Perm", 0)
        .any_number("UID", 0)
        .any_number("GID", 0)
        .text("Checksum", content)
        .text("LastModTime", modified);
    of_source(&hash(name).to_string())
}

/// What a source is known by that BuildKit calls `name`.
pub(crate) fn of_source(name: &str) -> Digest {
    output(
        &Digest::of(format!("buildkit.source.v0:{name}").as_bytes()),
        FIRST_OUTPUT,
    )
}

/// What files with the checksum `sum` are known by.
pub(crate) fn of_content(sum: &Digest) -> Digest {
    output(sum, CONTENT)
}

fn output(digest: &Digest, output: i64) -> Digest {
    Digest::of(format!("{digest}@{output}").as_bytes())
}

fn hash(message: Message) -> Digest {
    Digest::of(message.end().as_bytes())
}

/// The inputs of an operation, each once: operations name them by their places.
struct Inputs<'a> {
    plan: &'a Plan,
    deps: &'a [Dep],
}

impl Inputs<'_> {
    /// The place of an input.
    fn place(&self, input: Input) -> i64 {
        let input = match input {
            Input::Step(step) => Input::Step(self.plan.canonical(step)),
            other => other,
        };
        let place = self.deps.iter().position(|dep| dep.input == input);
        place.map_or(NONE, |place| place as i64)
    }

    fn len(&self) -> i64 {
        self.deps.len() as i64
    }
}

fn of_merge(inputs: i64) -> Message {
    let inputs = (0..inputs).map(|input| Message::default().number("input", input));
    let merge = Message::default().messages("inputs", inputs.collect());
    Message::default()
        .text("Type", "buildkit.merge.v0")
        .message("Merge", merge)
}
