//! From a parsed file and options to what is needed, and to the plan.

use crate::assemble::Assembly;
use crate::env::Env;
use crate::options::{ImageName, Known, Options};
use crate::place::{Place, hint};
use crate::plan::{Plan, Source, Url};
use crate::platform;
use crate::states::{Reached, States};
use crate::words::{Budget, Words};
use dockerfile::{Diagnostic, Dockerfile, Kind, Span};

/// What a plan still lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Images whose configs must be known before the plan can be made. Ask again once they are: their triggers may
    /// name more.
    pub images: Vec<NeededImage>,
    /// Files from the network that steps use. Complete once `images` is empty.
    pub urls: Vec<Url>,
    /// Repositories that steps use, as written. Complete once `images` is empty.
    pub repositories: Vec<String>,
}

/// An image that is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededImage {
    /// Its name and platform.
    pub image: ImageName,
    /// The words that name it first.
    pub span: Span,
    /// The first line of that instruction, from 1.
    pub line: usize,
}

/// What the stages that the target needs take from elsewhere and is not in `known`.
///
/// Call it again with what was found until `images` is empty; then [`plan`] finds all it needs.
///
/// # Errors
///
/// What makes a plan impossible, most important first, in BuildKit's words.
pub fn needs(file: &Dockerfile, options: &Options, known: &Known) -> Result<Needs, Vec<Diagnostic>> {
    let images = missing_images(file, options, known)?;
    if !images.is_empty() {
        return Ok(Needs {
            images,
            ..Needs::default()
        });
    }
    let mut needs = Needs::default();
    for source in plan(file, options, known)?.sources {
        match source {
            Source::Url(url) => needs.urls.push(url),
            Source::Git(repository) => needs.repositories.push(repository),
            _ => {}
        }
    }
    Ok(needs)
}

/// The images among what [`needs`] tells, each once. Quicker, since nothing is planned when none is missing: for a caller that
/// plans next.
///
/// # Errors
///
/// Of those of [`needs`], the ones that keep stages from being found.
pub fn missing_images(
    file: &Dockerfile,
    options: &Options,
    known: &Known,
) -> Result<Vec<NeededImage>, Vec<Diagnostic>> {
    let budget = Budget::default();
    let Prepared { reached, .. } = prepare(file, options, known, &budget).map_err(|error| vec![error])?;
    let mut images: Vec<NeededImage> = Vec::new();
    for (image, place) in reached.missing {
        if !images.iter().any(|known| known.image == image) {
            images.push(NeededImage {
                image,
                span: place.span,
                line: place.lines.0,
            });
        }
    }
    Ok(images)
}

/// Plans a build: the stages the target needs, their steps, configurations and history.
///
/// Instructions that the parser could not read are passed over: its diagnostics come first.
///
/// # Errors
///
/// What makes the build impossible before any step is done, most important first, in BuildKit's words: that is the
/// error with which BuildKit ends.
pub fn plan(file: &Dockerfile, options: &Options, known: &Known) -> Result<Plan, Vec<Diagnostic>> {
    let budget = Budget::default();
    let prepared = prepare(file, options, known, &budget).map_err(|error| vec![error])?;
    if let Some((image, place)) = prepared.reached.missing.first() {
        let name = oci::Reference::parse(&image.name)
            .map_or_else(|_| image.name.clone(), |reference| reference.or_latest().to_string());
        let message = format!(
            "{}: failed to resolve source metadata for {name}: {name}: not found",
            image.name
        );
        return Err(vec![place.error("unknown-image", message)]);
    }
    let assembly = Assembly::new(options, known, prepared.words, prepared.globals, prepared.epoch);
    assembly.plan(file, &prepared.states, &prepared.reached.states)
}

struct Prepared<'a> {
    words: Words<'a>,
    globals: Env,
    epoch: Option<i64>,
    states: States<'a>,
    reached: Reached,
}

fn prepare<'a>(
    file: &'a Dockerfile,
    options: &Options,
    known: &Known,
    budget: &'a Budget,
) -> Result<Prepared<'a>, Diagnostic> {
    let words = Words {
        escape: file.escape,
        budget,
    };
    let mut globals = platform::globals(options, target_name(file, options));
    read_globals(file, options, words, &mut globals)?;
    let epoch = read_epoch(options, &mut globals)?;
    let mut states = States::read(file, options, words, &globals)?;
    let reached = states.reach(options, known, words)?;
    Ok(Prepared {
        words,
        globals,
        epoch,
        states,
        reached,
    })
}

/// What `TARGETSTAGE` says: the target as asked for, or the name of the last stage.
fn target_name<'a>(file: &'a Dockerfile, options: &'a Options) -> &'a str {
    if let Some(target) = &options.target {
        return target;
    }
    let last = file
        .instructions
        .iter()
        .rev()
        .find_map(|instruction| match &instruction.kind {
            Kind::From { alias, .. } => Some(alias.as_ref()),
            _ => None,
        });
    last.flatten().map_or("", |alias| &alias.value)
}

/// Adds the ARGs above the first FROM.
fn read_globals(file: &Dockerfile, options: &Options, words: Words, globals: &mut Env) -> Result<(), Diagnostic> {
    for instruction in &file.instructions {
        match &instruction.kind {
            Kind::From { .. } => break,
            Kind::Arg(names) => {
                for arg in names {
                    let name = &arg.name.value;
                    let value = match (options.build_arg(name), &arg.default) {
                        (Some(given), _) => Some(given.to_owned()),
                        (None, Some(default)) => {
                            let at = Place {
                                span: default.span,
                                ..Place::of(instruction)
                            };
                            let expanded = words.word(&default.value, globals);
                            Some(expanded.map_err(|message| at.error("expansion", message))?)
                        }
                        (None, None) => None,
                    };
                    if let Some(value) = value {
                        globals.set(name, value);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads `SOURCE_DATE_EPOCH` from the build arguments or the ARGs above the first FROM.
fn read_epoch(options: &Options, globals: &mut Env) -> Result<Option<i64>, Diagnostic> {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let value = match (options.build_arg(NAME), globals.get(NAME)) {
        (Some(given), _) => given,
        (None, Some(global)) => global,
        (None, None) => return Ok(None),
    };
    // The times of a directory of files say nothing: BuildKit takes none from it.
    if value.is_empty() || value == "context" || options.contexts.iter().any(|name| name == value) {
        globals.remove(NAME);
        return Ok(None);
    }
    match value.parse() {
        Ok(seconds) => Ok(Some(seconds)),
        Err(_) => Err(hint(
            Place::default().error_without_line("bad-epoch", format!("invalid {NAME}: {value}")),
            "Give seconds since 1970, such as `git log -1 --pretty=%ct` prints.",
        )),
    }
}
