//! Whole builds as text: each file under `cases/` is a Dockerfile, a context, and what comes of them.
//!
//! A case starts with a sentence; sections follow, `-- NAME --`. Given are `Dockerfile`, `options`, `context/PATH` (with a
//! mode after the path if it is not 644), `base NAME` (a Dockerfile whose image stands for NAME), and for a second build
//! `again/…` with the same names, and `again/gone` with paths to remove. Expected, each only if it is there, are `error`,
//! `steps`, `steps again`, `layers`, `history` and `config`. `UPDATE=1 cargo test -p builder` rewrites the expected ones.
//!
//! Each is a test of its own, natively and in WebAssembly: `cargo xtask test wasm` runs this file too.
//!
//! Commands are those of [`Script`]: `write PATH TEXT`, `remove PATH`, `fail CODE`.
// Reading cases is what this test is for.
#![allow(clippy::disallowed_methods)]

mod support;

use builder::{BaseImage, Cache, Fidelity, MemoryContext};
use planner::{ImageName, Known, Resolved};
use std::collections::BTreeMap;
#[cfg(not(target_arch = "wasm32"))]
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::MemoryBlobs;
use support::{World, config, fill, history, layers, steps};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test;

/// A case file: what stands before the first section, and the sections in order.
struct Case {
    path: PathBuf,
    head: String,
    sections: Vec<(String, String)>,
}

/// A test for each case. A module has no files to read, so the texts are part of it.
macro_rules! cases {
    ($($test:ident $name:literal;)*) => {
        /// The cases that are tests.
        #[cfg(not(target_arch = "wasm32"))]
        const NAMES: &[&str] = &[$($name),*];

        $(
            #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
            #[cfg_attr(not(target_arch = "wasm32"), test)]
            fn $test() {
                let text = include_str!(concat!("cases/", $name, ".case"));
                if let Err(wrong) = Case::parse(file($name), text).check() {
                    panic!("{wrong}");
                }
            }
        )*
    };
}

cases! {
    add_archive "add-archive";
    chmod "chmod";
    chown_name_from_nothing "chown-name-from-nothing";
    copy_directories "copy-directories";
    copy_from_itself "copy-from-itself";
    copy_from_later "copy-from-later";
    copy_missing "copy-missing";
    copy_names "copy-names";
    copy_one_file_changed "copy-one-file-changed";
    copy_over_file "copy-over-file";
    copy_owners "copy-owners";
    copy_wildcard_new_match "copy-wildcard-new-match";
    copy_wildcards "copy-wildcards";
    deleted "deleted";
    entrypoint_and_cmd "entrypoint-and-cmd";
    every_setting "every-setting";
    exclude_and_parents "exclude-and-parents";
    failing_command "failing-command";
    file_removed "file-removed";
    heredocs "heredocs";
    ignored_edit_hits "ignored-edit-hits";
    ignored_file_copied "ignored-file-copied";
    ignored_files "ignored-files";
    into_linked_directory "into-linked-directory";
    line_inserted "line-inserted";
    link "link";
    link_on_nothing "link-on-nothing";
    mode_counts_time_does_not "mode-counts-time-does-not";
    mounts "mounts";
    no_cache "no-cache";
    secret_required "secret-required";
    source_moved "source-moved";
    stage_changed "stage-changed";
    stage_cut_off "stage-cut-off";
    stages_not_needed "stages-not-needed";
    target "target";
    target_unknown "target-unknown";
    triggers "triggers";
    undeclared_argument "undeclared-argument";
    variables "variables";
    workdir "workdir";
}

fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.case"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn every_file_of_the_folder_is_a_test() {
    let found: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the folder of cases")
        .filter_map(|entry| entry.expect("a readable folder").file_name().into_string().ok())
        .collect();
    let listed: BTreeSet<String> = NAMES.iter().map(|name| format!("{name}.case")).collect();
    assert_eq!(listed, found, "list each case in `cases!`");
}

impl Case {
    fn parse(path: PathBuf, text: &str) -> Case {
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
