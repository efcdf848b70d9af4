//! The result of a build on a worker: verified, kept in the store, and written where it was asked for.

use super::status::Outcome;
use crate::args::{Destination, Format, PreviewArgs};
use crate::atomic::write_file;
use crate::failure::Failure;
use crate::job::Job;
use crate::outputs::{Metadata, Packed, prepare};
use crate::placed::PlacedFile;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::units::size;
use builder::{Built, Fidelity};
use oci::{Platform, Reference};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use store::layout::load_source;
use store::{Image, Limits, Source};

/// A file in `folder` that has no name, so that nothing is left of it when the program ends.
pub(super) fn spool(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!("result-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

/// Reads the image out of an archive, everything in it verified.
///
/// # Errors
///
/// [`Failure`] if it is no archive of one image.
pub(super) fn load(archive: File, platform: Option<&Platform>, session: &mut Session) -> Result<Image, Failure> {
    let file = PlacedFile::new(archive).map_err(|error| Failure::new(format!("could not read the result: {error}")))?;
    let source = Source::of(Rc::new(file));
    let loaded = load_source(
        &source,
        platform,
        &Limits::default(),
        &mut session.blobs,
        &mut |_, _| {},
    );
    let mut images = loaded.map_err(|error| Failure::new(format!("the builder's result cannot be used: {error}")))?;
    match (images.pop(), images.len()) {
        (Some(last), 0) => Ok(last.image),
        (last, more) => Err(Failure::new(format!(
            "expected one image from the builder, found {}",
            more + usize::from(last.is_some())
        ))),
    }
}

/// Keeps the image under its names and writes everything that was asked for. Nothing is in its place before all is written.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn write(
    job: &Job<'_>,
    image: Image,
    steps: &[Outcome],
    session: &mut Session,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let (args, names) = (job.args, &job.names);
    let packed = Packed::new(&image, names, &mut session.blobs).map_err(Failure::new)?;
    let mut ready = Vec::new();
    for output in &args.outputs {
        ready.extend(prepare(output, &packed, &mut session.blobs).map_err(Failure::new)?);
    }
    for output in ready {
        output.put(&session.blobs, terminal.stdout).map_err(Failure::new)?;
    }
    let built = Built {
        origins: vec![None; image.layers.len()],
        n_base: image.layers.len(),
        configs: Vec::new(),
        fidelity: Fidelity::Exact,
        image,
    };
    if !names.is_empty() {
        session.keep(&built, names, terminal)?;
    }
    let metadata = Metadata {
        config: built.image.id(),
        manifest: packed.image.digest(),
        names: names.iter().map(ToString::to_string).collect(),
        steps: steps.iter().map(step).collect(),
    };
    let put = |path: &Option<PathBuf>, bytes: &[u8]| match path {
        Some(path) => write_file(path, bytes)
            .map_err(|error| Failure::new(format!("could not write {}: {error}", path.display()))),
        None => Ok(()),
    };
    put(&args.metadata_file, &metadata.to_json())?;
    put(&args.iidfile, built.image.id().to_string().as_bytes())?;
    show(args, &built.image, names, &metadata, terminal)
}

/// Stage, instruction, whether it was cached: from `[build 2/3] RUN make`, where `[2/3]` is a stage without a name.
fn step(outcome: &Outcome) -> (String, String, bool) {
    let (place, text) = outcome.name.split_once("] ").unwrap_or(("", &outcome.name));
    let place = place.trim_start_matches('[').trim();
    let stage = place.rsplit_once(' ').map_or("", |(stage, _)| stage.trim());
    (stage.to_owned(), text.to_owned(), outcome.cached)
}

fn show(
    args: &PreviewArgs,
    image: &Image,
    names: &[Reference],
    metadata: &Metadata,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let stdout_taken = |dest: &Option<Destination>| *dest == Some(Destination::Stdout);
    if args.outputs.iter().any(|output| stdout_taken(&output.dest)) {
        return Ok(());
    }
    match (args.quiet, args.input.format) {
        (true, _) => terminal.print(&format!("{}\n", image.id())),
        (false, Format::Json) => terminal.print(&format!("{}\n", String::from_utf8_lossy(&metadata.to_json()))),
        (false, Format::Text) => {
            let names: Vec<String> = names.iter().map(|name| format!("named     {name}\n")).collect();
            let names = names.concat();
            let bytes = image.layers.iter().map(store::Layer::bytes).sum();
            let (id, layers) = (image.id(), image.layers.len());
            terminal.print(&format!(
                "image     {id}\n{names}size      {} in {layers} layers\n",
                size(bytes)
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_step_is_read_from_its_name() {
        let read = |name: &str| {
            step(&Outcome {
                name: name.to_owned(),
                cached: true,
            })
        };
        let text = |stage: &str, step: &str| (stage.to_owned(), step.to_owned(), true);
        assert_eq!(read("[2/3] RUN a ] b"), text("", "RUN a ] b"));
        assert_eq!(read("[build  2/13] COPY a /"), text("build", "COPY a /"));
    }

    #[test]
    fn a_spool_has_no_name() {
        let scratch = crate::testing::Scratch::new();
        let _file = spool(scratch.dir()).unwrap();
        assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 0);
    }
}
