//! Builds as they were recorded: files, named base images, and what came of them.

use crate::wired::Wired;
use builder::{BaseImage, BuildError, Cache, Context, Download, Fidelity, Ignore, MemoryContext, Timestamps, Tools};
use dockerfile::{Diagnostic, Severity};
use engine::{Outside, Prepared, Request, StandIn, World, WorldError, context_name};
use oci::Platform;
use planner::{ImageName, Network, Options, Reach, Resolved, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::layout::{LayoutError, load_archive};
use store::{BlobStore, Image, Limits, MemoryBlobs, Time, Tree};

/// When files were put and things are made: later than every `SOURCE_DATE_EPOCH` of a case.
const NOW: Time = Time {
    secs: 1_760_000_000,
    nanos: 0,
};
const DOCKERFILE: &str = "Dockerfile";

/// Files, images that go by a name, and a cache: what builds one after the other share.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    context: MemoryContext,
    bases: Bases,
    blobs: MemoryBlobs,
    cache: Cache,
}

/// What is asked of a build.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// `--build-arg`, in order.
    pub(crate) build_args: Vec<(String, String)>,
    /// `--target`; `None` for the last stage.
    pub(crate) target: Option<String>,
}

/// What came of a build.
#[derive(Debug)]
pub(crate) struct Made {
    /// The image.
    pub(crate) image: Image,
    /// Every step that was run or taken from the cache: its stage, its text, whether it was cached.
    pub(crate) steps: Vec<(String, String, bool)>,
}

/// Why there is no image.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// In words.
    pub(crate) message: String,
    /// The line that is to blame, from 1, if one is.
    pub(crate) line: Option<usize>,
}

impl Recorder {
    /// Takes an image from an archive; `name` stands for it as with `--build-context`.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] if it is no archive of images.
    pub(crate) fn base(&mut self, name: &str, archive: &[u8]) -> Result<(), LayoutError> {
        let loaded = load_archive(Box::new(archive), None, &Limits::default(), &mut self.blobs)?;
        let images = loaded.into_iter().map(|loaded| loaded.image).collect();
        self.bases.images.insert(context_name(name), images);
        Ok(())
    }

    /// Empties the context. Images, blobs and cache stay.
    pub(crate) fn clear(&mut self) {
        self.context = MemoryContext::default();
    }

    /// Puts a file; `age` is how many seconds ago it was changed.
    pub(crate) fn put(&mut self, path: &str, mode: u32, age: i64, bytes: &[u8]) {
        self.context.put(path, mode, ago(age), bytes);
    }

    /// Puts a directory.
    pub(crate) fn put_dir(&mut self, path: &str, mode: u32) {
        self.context.put_dir(path, mode, NOW);
    }

    /// Puts a symbolic link.
    pub(crate) fn put_symlink(&mut self, path: &str, target: &str) {
        self.context.put_symlink(path, NOW, target);
    }

    /// Builds the Dockerfile of the context, as `layerlab preview --network none` with rewritten times does.
    ///
    /// # Errors
    ///
    /// [`Wrong`] if the build fails.
    pub(crate) fn build(&mut self, order: Order) -> Result<Made, Wrong> {
        let options = Options {
            target: order.target.filter(|target| !target.is_empty()),
            build_args: order.build_args,
            network: Network::None,
            ..self.options(Reach::Target)
        };
        let text = self.text()?;
        let ignore = self.ignore()?;
        let request = Request {
            text: &text,
            dockerfile: DOCKERFILE,
            options: &options,
            context: &self.context,
            secrets: &BTreeMap::new(),
            now: NOW,
        };
        let prepared = engine::prepare(request, &mut self.bases, &mut self.blobs).map_err(cannot_begin)?;
        let findings = engine::check(&text, &prepared.parse, &options, &prepared.known, &ignore);
        if let Some(error) = findings.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(of_diagnostic(error));
        }
        self.walk(prepared).map_err(of_build)
    }

    fn walk(&mut self, prepared: Prepared) -> Result<Made, BuildError> {
        let Prepared { plan, mut build, .. } = prepared;
        let mut executor = Wired::default();
        let mut tools = Tools {
            now: NOW,
            cache: &mut self.cache,
            blobs: &mut self.blobs,
            executor: Some(&mut executor),
        };
        let mut steps = Vec::new();
        while let Some(report) = build.step(&mut tools)? {
            let step = &plan.steps[report.step];
            let stage = plan.stages[step.stage].label.clone();
            steps.push((stage, step.text.clone(), report.is_cached()));
        }
        let built = build.finish(Timestamps::Rewrite, &mut tools)?;
        Ok(Made {
            image: built.image,
            steps,
        })
    }

    /// What the build checks find in the Dockerfile of the context, and the errors that keep it from being built.
    ///
    /// # Errors
    ///
    /// [`Wrong`] if there is no Dockerfile or the ignore file is none.
    pub(crate) fn check(&self) -> Result<Vec<Diagnostic>, Wrong> {
        let options = self.options(Reach::All);
        let platform = Platform::linux_amd64();
        let mut named = |image: &ImageName| {
            let found = self.bases.find(image, &platform);
            Ok(found.map(|image| Resolved::Image(Box::new(image.config.clone()))))
        };
        engine::check_text(&self.text()?, &options, &self.ignore()?, &mut named)
    }

    fn options(&self, reach: Reach) -> Options {
        Options {
            contexts: self.bases.images.keys().cloned().collect(),
            reach,
            ..Options::new(Platform::linux_amd64())
        }
    }

    fn text(&self) -> Result<String, Wrong> {
        match self.context.get(DOCKERFILE) {
            Some((_, bytes)) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            None => Err(plain(
                &"failed to read dockerfile: open Dockerfile: no such file or directory",
            )),
        }
    }

    fn ignore(&self) -> Result<Ignore, Wrong> {
        let found = self.context.ignore_file(DOCKERFILE).map_err(|error| plain(&error))?;
        let text = found.map(|(_, text)| text).unwrap_or_default();
        Ignore::parse(&text).map_err(|error| plain(&error))
    }
}

/// Images by the names they go by; all else is simulated, as in the page.
#[derive(Debug, Default)]
struct Bases {
    images: BTreeMap<String, Vec<Image>>,
    stand_in: StandIn,
}

impl Bases {
    /// The image of that name, for that platform if there are several.
    fn find(&self, name: &ImageName, host: &Platform) -> Option<&Image> {
        let images = self.images.get(&context_name(&name.name))?;
        let wanted = Platform::parse(&name.platform, host).ok();
        let fitting = images
            .iter()
            .find(|image| wanted.as_ref() == Some(&image.config.platform));
        fitting.or(images.first())
    }
}

impl World for Bases {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        let Some(image) = self.find(name, &Platform::linux_amd64()).cloned() else {
            return self.stand_in.image(name, blobs);
        };
        let tree = image.tree().map_err(|error| WorldError {
            message: error.to_string(),
            hints: Vec::new(),
        })?;
        Ok(Outside::Image(BaseImage {
            image: Arc::new(image),
            tree,
            fidelity: Fidelity::Exact,
        }))
    }

    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError> {
        self.stand_in.download(url, blobs)
    }

    fn repository(&mut self, name: &str, blobs: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        self.stand_in.repository(name, blobs)
    }
}

fn ago(secs: i64) -> Time {
    Time {
        secs: NOW.secs - secs,
        ..NOW
    }
}

fn plain(message: &dyn std::fmt::Display) -> Wrong {
    Wrong {
        message: message.to_string(),
        line: None,
    }
}

fn of_diagnostic(error: &Diagnostic) -> Wrong {
    Wrong {
        message: error.message.clone(),
        line: error.line,
    }
}

fn of_build(error: BuildError) -> Wrong {
    Wrong {
        message: error.to_string(),
        line: error.line,
    }
}

fn cannot_begin(failure: engine::Failure) -> Wrong {
    if let Some(problem) = failure.problems().first() {
        return of_diagnostic(problem);
    }
    match failure {
        engine::Failure::Build(error) => of_build(error),
        other => plain(&other),
    }
}
