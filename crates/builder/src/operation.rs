//! What operations are called: BuildKit's own digests, so that a cache leads to the same results on both sides.
//!
//! BuildKit hashes an operation's protocol buffer as Go writes it in JSON: fields in the order of the protocol, zeros left out.
//!
//! Source: BuildKit, `solver/llbsolver/ops` (`CacheMap` in `exec.go`, `file.go`, `merge.go`, `source.go`), `solver/pb/ops.proto`,
//! `client/llb` (`exec.go`, `fileop.go`), `solver/cachekey.go`.

mod exec;
mod file;

use crate::deps::Dep;
use oci::Digest;
use planner::{Action, Input, Plan};
use serde::Serialize;

/// The first, and here the only, filesystem that an operation makes.
const FIRST_OUTPUT: i64 = 0;
/// In the place of an output: the checksum of files.
const CONTENT: i64 = -1;

/// What the operation of a step on `deps` is known by.
pub(crate) fn of_step(plan: &Plan, step: usize, deps: &[Dep]) -> Digest {
    let inputs = Inputs { plan, deps };
    let step = &plan.steps[step];
    let digest = match &step.action {
        Action::MakeDir(make) => file::of_make_dir(make, inputs.place(step.base)),
        Action::Copy(copy) => file::of_copy(copy, step.base, &inputs),
        Action::Link { .. } => of_merge(deps.len()),
        Action::Run(run) => exec::of_run(run, step.base, &inputs),
    };
    output(&digest, FIRST_OUTPUT)
}

/// What a file that stands in the Dockerfile itself is known by.
pub(crate) fn of_inline(path: &str, mode: u32, text: &str) -> Digest {
    output(&file::of_make_file(path, mode, text), FIRST_OUTPUT)
}

/// What the directory of a cache mount with an owner or a mode is known by.
pub(crate) fn of_cache_dir(mode: u32, uid: u32, gid: u32) -> Digest {
    output(&file::of_cache_dir(mode, uid, gid), FIRST_OUTPUT)
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

/// The inputs of an operation, each once: operations name them by their places.
pub(crate) struct Inputs<'a> {
    plan: &'a Plan,
    deps: &'a [Dep],
}

impl Inputs<'_> {
    /// The place of an input; -1 for an empty filesystem.
    fn place(&self, input: Input) -> i64 {
        let input = match input {
            Input::Step(step) => Input::Step(self.plan.canonical(step)),
            other => other,
        };
        let place = self.deps.iter().position(|dep| dep.input == input);
        place.map_or(-1, |place| place as i64)
    }

    fn len(&self) -> i64 {
        self.deps.len() as i64
    }
}

fn of_merge(inputs: usize) -> Digest {
    #[derive(Serialize)]
    struct Operation {
        #[serde(rename = "Type")]
        kind: &'static str,
        #[serde(rename = "Merge")]
        merge: Merge,
    }
    #[derive(Serialize)]
    struct Merge {
        inputs: Vec<Place>,
    }
    #[derive(Serialize)]
    struct Place {
        #[serde(skip_serializing_if = "is_zero")]
        input: i64,
    }
    let inputs = (0..inputs as i64).map(|input| Place { input }).collect();
    hash(&Operation {
        kind: "buildkit.merge.v0",
        merge: Merge { inputs },
    })
}

fn hash(operation: &impl Serialize) -> Digest {
    Digest::of(&oci::go_json(operation))
}

/// Go's `omitempty`.
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
