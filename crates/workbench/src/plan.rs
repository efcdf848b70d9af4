//! From the page's options to a build that can begin.

use crate::project::Project;
use cli::excerpt::excerpt;
use engine::{Failure, Prepared, Request, StandIn, prepare as prepare_build};
use messages::{Options, Problem};
use oci::Platform;
use planner::NoCache;
use std::collections::BTreeMap;
use store::{BlobStore, Time};

/// Reads and plans the project's Dockerfile.
pub(crate) fn prepare(
    project: &Project,
    options: &Options,
    text: &str,
    now: Time,
    world: &mut StandIn,
    blobs: &mut dyn BlobStore,
) -> Result<Prepared, Failure> {
    let request = Request {
        text,
        dockerfile: &options.dockerfile,
        options: &plan_options(options),
        context: &project.context,
        secrets: &BTreeMap::new(),
        now,
    };
    prepare_build(request, world, blobs)
}

/// The page's options in the planner's terms. The page builds for linux/amd64.
pub(crate) fn plan_options(options: &Options) -> planner::Options {
    planner::Options {
        target: (!options.target.is_empty()).then(|| options.target.clone()),
        build_args: options.build_args.clone(),
        no_cache: if options.no_cache {
            NoCache::Always
        } else {
            NoCache::Never
        },
        ..planner::Options::new(Platform::linux_amd64())
    }
}

/// Docker's words for a Dockerfile that is not there.
pub(crate) fn no_dockerfile(path: &str) -> String {
    format!("failed to read dockerfile: open {path}: no such file or directory")
}

/// What the log says of a build that cannot begin.
pub(crate) fn failure_log(dockerfile: &str, text: &str, problem: &Problem) -> String {
    let place = problem
        .line
        .map_or_else(String::new, |line| excerpt(dockerfile, text, (line, line)));
    format!("{place}ERROR: failed to solve: {}\n", problem.message)
}
