//! Whole builds as text: each file under `cases/` is a Dockerfile, a context, and what comes of them.
//!
//! A case starts with a sentence; sections follow, `-- NAME --`. Given are `Dockerfile`, `options`, `context/PATH` (with a
//! mode after the path if it is not 644), `base NAME` (a Dockerfile whose image stands for NAME), and for a second build
//! `again/…` with the same names, and `again/gone` with paths to remove. Expected, each only if it is there, are `error`,
//! `steps`, `steps again`, `layers`, `history` and `config`. `UPDATE=1 cargo test -p builder` rewrites the expected ones.
//!
//! Commands are those of [`Script`]: `write PATH TEXT`, `remove PATH`, `fail CODE`.
// Reading cases is what this test is for.
#![allow(clippy::disallowed_methods)]

mod support;

use builder::{BaseImage, Cache, Fidelity, MemoryContext};
use planner::{ImageName, Known, Resolved};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::MemoryBlobs;
use support::{World, config, fill, history, layers, steps};

/// A case file: what stands before the first section, and the sections in order.
struct Case {
    path: PathBuf,
    head: String,
    sections: Vec<(String, String)>,
}

#[test]
fn cases_come_out_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    assert!(paths.len() > 20, "the cases are there");
    let wrong: Vec<String> = paths
        .into_iter()
        .filter_map(|path| Case::read(path).check().err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Case {
    fn read(path: PathBuf) -> Case {
        let text = std::fs::read_to_string(&path).expect("a case in UTF-8");
        let mut case = Case {
            path,
            head: String::new(),
            sections: Vec::new(),
        };
        for line in text.split_inclusive('\n') {
            let name = line
                .trim_end()
                .strip_prefix("-- ")
                .and_then(|rest| rest.strip_suffix(" --"));
            match (name, case.sections.last_mut()) {
                (Some(name), _) => case.sections.push((name.to_owned(), String::new())),
                (None, Some((_, body))) => body.push_str(line),
                (None, None) => case.head.push_str(line),
            }
        }
        case
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.sections
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, body)| body.as_str())
    }

    /// Builds, and compares every expected section with what came.
    fn check(mut self) -> Result<(), String> {
        let mut blobs = MemoryBlobs::default();
        let mut cache = Cache::default();
        let mut context = MemoryContext::default();
        let mut known = Known::new();
        let mut images = BTreeMap::new();
        fill(&mut context, &self.sections, "context/");
        for (name, text) in self
            .sections
            .iter()
            .filter_map(|(n, t)| Some((n.strip_prefix("base ")?, t)))
        {
            let world = World {
                context: &context,
                known: &known,
                images: &images,
                options: "",
            };
            let image = world
                .build(text, &mut Cache::default(), &mut blobs)
                .image
                .expect("a good base");
            let name = ImageName {
                name: name.to_owned(),
                platform: "linux/amd64".to_owned(),
            };
            known.insert(name.clone(), Resolved::Image(Box::new(image.config.clone())));
            let tree = image.tree().expect("good layers");
            images.insert(
                name,
                BaseImage {
                    image: Arc::new(image),
                    tree,
                    fidelity: Fidelity::Exact,
                },
            );
        }
        let dockerfile = self.get("Dockerfile").expect("a Dockerfile").to_owned();
        let options = self.get("options").unwrap_or_default().to_owned();
        let world = World {
            context: &context,
            known: &known,
            images: &images,
            options: &options,
        };
        let first = world.build(&dockerfile, &mut cache, &mut blobs);
        let mut found = vec![
            ("error", first.image.as_ref().err().cloned()),
            ("steps", Some(steps(&first))),
            ("layers", first.image.as_ref().ok().map(layers)),
            ("history", first.image.as_ref().ok().map(history)),
            (
                "config",
                first.image.as_ref().ok().map(|image| format!("{:#}\n", config(image))),
            ),
        ];
        if self.get("steps again").is_some() {
            for path in self.get("again/gone").unwrap_or_default().lines() {
                context.remove(path);
            }
            fill(&mut context, &self.sections, "again/context/");
            let options = self.get("again/options").unwrap_or(&options);
            let world = World {
                context: &context,
                known: &known,
                images: &images,
                options,
            };
            let dockerfile = self.get("again/Dockerfile").unwrap_or(&dockerfile);
            found.push((
                "steps again",
                Some(steps(&world.build(dockerfile, &mut cache, &mut blobs))),
            ));
        }
        let mut wrong = String::new();
        for (name, text) in found {
            let Some((_, expected)) = self.sections.iter_mut().find(|(n, _)| n == name) else {
                continue;
            };
            let text = text.unwrap_or_else(|| "nothing\n".to_owned());
            if expected.trim_end() != text.trim_end() {
                writeln!(wrong, "{}: {name}\n{text}", self.path.display()).expect("memory takes it");
                *expected = text;
            }
        }
        if !wrong.is_empty() && std::env::var_os("UPDATE").is_some() {
            let sections = self.sections.iter().map(|(name, body)| format!("-- {name} --\n{body}"));
            let text = format!("{}{}", self.head, sections.collect::<String>());
            std::fs::write(&self.path, text).expect("a writable case");
            return Ok(());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}
