//! Build checks: what BuildKit warns of in a Dockerfile that it would build.

mod at;
mod bases;
mod commands;
mod config;
mod files;
mod fixes;
mod names;
mod pairs;
mod ports;
mod report;
mod stages;
mod variables;

use crate::options::{Known, Options};
use dockerfile::{Diagnostic, Parse};
use report::Report;

/// What there is around a Dockerfile that is checked.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// How it would be built; [`Reach::All`](crate::Reach::All) checks stages that the target does not need, too.
    pub options: &'a Options,
    /// What is known of images. One that is not known is taken to have a `PATH` and nothing else.
    pub known: &'a Known,
    /// Whether `.dockerignore` leaves a path out, relative to the context. `None` if there is no such file, or if it has
    /// patterns that begin with `!`: BuildKit does not look at those.
    pub ignored: Option<&'a dyn Fn(&str) -> bool>,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings")
            .field("options", self.options)
            .field("known", self.known)
            .finish_non_exhaustive()
    }
}

/// Runs BuildKit's 22 build checks and returns its warnings by line.
///
/// `code` is BuildKit's name of the rule and `message` its detail. `# check=` at the top, above an instruction, or as the
/// build argument `BUILDKIT_DOCKERFILE_CHECK` is obeyed; with `error=true` there, the last item is an error if there is a
/// warning. A check directive that cannot be read is an error as well.
///
/// DIFFERENCE: Checks look at files with mistakes in them, too, where BuildKit says nothing but the first mistake;
/// instructions that could not be read are passed over.
///
/// # Example
///
/// ```
/// use planner::{Known, Options, checks};
///
/// let source = "FROM alpine as build\nCMD echo hello\n";
/// let options = Options::new(oci::Platform::linux_amd64());
/// let around = checks::Surroundings { options: &options, known: &Known::new(), ignored: None };
/// let warnings = checks::check(source, &dockerfile::parse(source), &around);
/// let rules: Vec<&str> = warnings.iter().map(|warning| warning.code).collect();
/// assert_eq!(rules, ["FromAsCasing", "JSONArgsRecommended"]);
/// ```
///
/// Source: Docker's build checks reference; BuildKit's `frontend/dockerfile/linter`.
pub fn check(source: &str, parse: &Parse, around: &Surroundings<'_>) -> Vec<Diagnostic> {
    let file = &parse.dockerfile;
    let config = match config::of_file(file, around.options) {
        Ok(config) => config,
        Err(error) => return vec![error],
    };
    let mut report = Report::new(source, config);
    names::check(file, &mut report);
    let bases = bases::check(file, around.options, &mut report);
    stages::check(file, &bases, around, &mut report);
    report.finish()
}
