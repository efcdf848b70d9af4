//! Cases that must come out alike on every target: the same digests natively and in WebAssembly.
//!
//! `cargo xtask test native` runs them here, `cargo xtask test wasm` in WebAssembly. The digests stand in the cases, so both say the same.

use builder::{Cache, ExecuteError, Executor, Fidelity, MemoryContext, RunOutcome, RunRequest, Timestamps, Tools};
use engine::{Outside, Prepared, Request, World, WorldError};
use oci::Platform;
use planner::{ImageName, Options, Url};
use std::collections::BTreeMap;
use store::{BlobStore, Content, MemoryBlobs, Meta, Node, Time, Tree, TreePath};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test;

const EPOCH: i64 = 1_700_000_000;

/// A world with nothing in it: these cases begin at `scratch`.
struct Nothing;

impl World for Nothing {
    fn image(&mut self, name: &ImageName, _: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        Err(WorldError {
            message: format!("no image {name:?}"),
            hints: vec![],
        })
    }

    fn download(&mut self, url: &Url, _: &mut dyn BlobStore) -> Result<builder::Download, WorldError> {
        Err(WorldError {
            message: format!("no download {url:?}"),
            hints: vec![],
        })
    }

    fn repository(&mut self, name: &str, _: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        Err(WorldError {
            message: format!("no repository {name}"),
            hints: vec![],
        })
    }
}

/// Knows three commands: `put PATH TEXT`, `remove PATH`, `link OLD NEW`. Every call goes over the wire first.
#[derive(Default)]
struct Script {
    engine: wire::EngineEnd,
    shell: wire::ShellEnd,
}

impl Executor for Script {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let call = self.engine.send(request, tree).expect("a call");
        let (request, mut tree) = self.shell.receive(&call).expect("the call arrives");
        let path = |text: &str| TreePath::parse(text).expect("a good path");
        let words: Vec<&str> = request.argv.iter().map(String::as_str).collect();
        let mut new = Vec::new();
        match words[..] {
            ["put", at, text] => {
                let content = Content::Blob {
                    digest: oci::Digest::of(text.as_bytes()),
                    size: text.len() as u64,
                };
                let meta = Meta {
                    mtime: Time {
                        secs: EPOCH + 5,
                        nanos: 1,
                    },
                    ..Meta::of_mode(0o640)
                };
                tree.insert(&path(at), Node::file(meta, content))
                    .expect("its parent is there");
                new.push(text.as_bytes().to_vec());
            }
            ["remove", at] => {
                tree.remove(&path(at)).expect("it is there");
            }
            ["link", old, at] => tree.link(&path(old), &path(at)).expect("it is there"),
            _ => return Err(ExecuteError::Unsupported { what: words.join(" ") }),
        }
        let outcome = RunOutcome {
            tree,
            caches: vec![],
            exit: 0,
            lasting: None,
            output: Vec::new(),
            millis: 1,
            fidelity: Fidelity::Exact,
        };
        let answer = self.shell.send(&Ok(outcome), &new).expect("an answer");
        let answered = self.engine.receive(&answer).expect("the answer arrives");
        for bytes in answered.blobs {
            blobs.put(&bytes)?;
        }
        answered.result
    }
}

/// A builder with its cache, and files to build.
#[derive(Default)]
struct Bench {
    context: MemoryContext,
    cache: Cache,
    blobs: MemoryBlobs,
}

impl Bench {
    fn with(files: &[(&str, &str)]) -> Bench {
        let mut bench = Bench::default();
        for (path, text) in files {
            bench.put(path, text);
        }
        bench
    }

    fn put(&mut self, path: &str, text: &str) {
        self.context.put(
            path,
            0o644,
            Time {
                secs: EPOCH + 60,
                nanos: 7,
            },
            text.as_bytes(),
        );
    }

    /// Builds `text`, checks the image with `validate`, and returns it with a mark for each step: true if it came from the cache.
    fn build(&mut self, text: &str) -> (store::Image, Vec<bool>) {
        let mut options = Options::new(Platform::linux_amd64());
        options.build_args.push(("SOURCE_DATE_EPOCH".into(), EPOCH.to_string()));
        let now = Time { secs: EPOCH, nanos: 0 };
        let request = Request {
            text,
            dockerfile: "Dockerfile",
            options: &options,
            context: &self.context,
            secrets: &BTreeMap::new(),
            now,
        };
        let Prepared { mut build, .. } =
            engine::prepare(request, &mut Nothing, &mut self.blobs).expect("a build that can begin");
        let mut script = Script::default();
        let mut tools = Tools {
            now,
            cache: &mut self.cache,
            blobs: &mut self.blobs,
            executor: Some(&mut script),
        };
        let mut cached = Vec::new();
        while let Some(report) = build.step(&mut tools).expect("a step") {
            cached.push(report.is_cached());
        }
        let built = build.finish(Timestamps::Rewrite, &mut tools).expect("an image");
        assert_eq!(store::validate(&built.image, &self.blobs), []);
        (built.image, cached)
    }
}

/// Builds `text` over `files`; the image's ID and the DiffIDs of its layers, in this order, are `expected`.
fn check(files: &[(&str, &str)], text: &str, expected: &[&str]) {
    let (image, _) = Bench::with(files).build(text);
    let diff_ids = image.layers.iter().map(|layer| layer.diff_id.to_string());
    let found: Vec<String> = std::iter::once(image.id().to_string()).chain(diff_ids).collect();
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(&image.config_bytes));
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn copied_files_and_a_directory_give_the_image_that_buildkit_gives() {
    check(
        &[("hello.txt", "hello\n")],
        "FROM scratch\nCOPY hello.txt /\nENV A=b\nWORKDIR /app\nCOPY hello.txt ./\nCMD [\"/x\"]\n",
        &[
            "sha256:60d858f34db4dca891c728e1bee405fb615c14a164d3f3775afb3eb34f744103",
            "sha256:9ed39d6493ae84273c3a8dc1efa5caa4f3c44af022ab7659c042a3f1659f91a0",
            "sha256:8102f9539f30466d2765282855b67b200a05c388d7b0233d20a6c7a543fbfb60",
            "sha256:f180a7420f5e88f37974bd5f2994a1eb6c93473ae8f662667144effdc87e0f85",
        ],
    );
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn commands_leave_the_same_whiteouts_and_links() {
    check(
        &[("a/one", "1"), ("a/two", "22"), ("ü b", "33")],
        "FROM scratch\nCOPY . /\nRUN [\"remove\", \"/a/one\"]\nRUN [\"link\", \"/a/two\", \"/ü\"]\nRUN [\"put\", \"/a/two\", \"new\"]\n",
        &[
            "sha256:7698c380d76e66bd2f1573697da03132cb6cd003378a085c9af1e46be6cbd75d",
            "sha256:87d607ab3ed5e26a6ee1fa5b48afa8051b46cfee50444c534acbbcad80547482",
            "sha256:d592d83d0d38122ff17a3fdaa9321d9d026ea0c91ebcd465b1dcf10726cd4207",
            "sha256:dd9b48eb90f01a9c8cfae03a120c814261afe30ef5b520598286eb9fd777afe1",
            "sha256:6663715199bbf6fec406ec9fe3692d82be9de0ae8d158d5bd17899ebc3f3a386",
        ],
    );
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn stages_owners_modes_and_ignored_files_come_out_alike() {
    check(
        &[
            ("src/main.c", "int main;"),
            ("src/notes.md", "no"),
            (".dockerignore", "**/*.md\n"),
            ("run.sh", "#!/bin/sh\n"),
        ],
        "FROM scratch AS build\nCOPY src/ /src/\nRUN [\"put\", \"/src/out\", \"binary\"]\n\
         FROM scratch\nARG WHO=7:8\nCOPY --from=build --chown=${WHO} /src/out /usr/bin/\nCOPY --chmod=755 run.sh /\n\
         COPY --link --chmod=u+s src/*.c /c/\nLABEL a=\"b c\" d=e\nEXPOSE 80/tcp\nENTRYPOINT [\"/run.sh\"]\nUSER 7\n",
        &[
            "sha256:fa48cccad303fa43bfeff12eb242dd19135c5f37037d26ed8088f969787c12b6",
            "sha256:fa7f4edeabc161dcd8c7218b26afa1895f87a488ee314918e15be538caf0ce58",
            "sha256:6220c127ca3fc4f6352e2e9ffa9fb401cbdad6da594883b598075075d15a7fe0",
            "sha256:8a8bcacb89ef533e968e5152358ae0cf99c204840b641d0a74db037d6cc0f8f1",
        ],
    );
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn an_edit_misses_the_cache_from_its_step_on() {
    let text = "FROM scratch\nCOPY a /\nRUN [\"put\", \"/b\", \"x\"]\nCOPY c /\nRUN [\"put\", \"/d\", \"x\"]\n";
    let mut bench = Bench::with(&[("a", "1"), ("c", "1")]);
    let (first, cached) = bench.build(text);
    assert_eq!(cached, [false; 4]);
    let (again, cached) = bench.build(text);
    assert_eq!(cached, [true; 4]);
    assert_eq!(again.id(), first.id());
    bench.put("c", "2");
    let (edited, cached) = bench.build(text);
    assert_eq!(cached, [true, true, false, false]);
    assert_eq!(edited.layers[1], first.layers[1]);
    assert_ne!(edited.id(), first.id());
}
