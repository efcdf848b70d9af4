//! A machine to try a daemon on: an executor that does what its command says, files, and images made by hand.

use builder::{ExecuteError, Executor, Fidelity, MountKind, Output, RunOutcome, RunRequest};
use engine::{CreateOptions, Daemon, Host, HostFiles, LogLine, LogOptions, Ran, Refusal, Simulated, Stdin};
use oci::{ContainerConfig, Digest, History, ImageConfig, Platform, Reference, Time};
use store::{
    BlobStore, Content, Follow, Image, Layer, MemoryBlobs, Meta, Node, Tree, TreePath, diff, flatten, validate,
};

/// Commands, divided by `;`, as the last argument: `write PATH TEXT`, `remove PATH`, `echo TEXT`, `err TEXT`, `need PATH`,
/// `fail CODE`, `take MILLIS`, `stdin`, `where`. The program `last` lasts, as does the command of that name.
pub(crate) struct Script {
    pub(crate) requests: Vec<RunRequest>,
}

impl Executor for Script {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        self.requests.push(request.clone());
        let mut tree = tree.clone();
        let path = |text: &str| TreePath::clean(text).expect("a path without NUL");
        let mut covered = Vec::new();
        for mount in &request.mounts {
            let (MountKind::Bind { node, .. } | MountKind::Cache { node, .. }) = &mount.kind else {
                panic!("a daemon mounts nothing else")
            };
            covered.push(tree.get(&path(&mount.target)).cloned());
            tree.insert(&path(&mount.target), node.clone()).expect("room for it");
        }
        let mut outcome = RunOutcome {
            tree: Tree::new(),
            caches: Vec::new(),
            exit: 0,
            lasting: request.argv[0].ends_with("last").then(|| request.argv.clone()),
            output: Vec::new(),
            millis: 1,
            fidelity: Fidelity::Exact,
        };
        for line in request.argv.last().cloned().unwrap_or_default().split(';') {
            let words: Vec<&str> = line.trim().splitn(3, ' ').collect();
            match words.as_slice() {
                ["write", at, text] => write(&mut tree, &path(at), text, request.now, blobs)?,
                ["remove", at] => drop(tree.remove(&path(at)).expect("it is there")),
                ["echo", ..] => outcome.output.push(Output::out(format!("{}\n", words[1..].join(" ")))),
                ["err", ..] => outcome.output.push(Output::err(format!("{}\n", words[1..].join(" ")))),
                ["need", at] if tree.get(&path(at)).is_none() => outcome.exit = 1,
                ["fail", code] => outcome.exit = code.parse().expect("a number"),
                ["take", millis] => outcome.millis = millis.parse().expect("a number"),
                ["stdin"] => outcome.output.push(Output::out(request.stdin.clone())),
                ["where"] => outcome.output.push(Output::out(format!(
                    "{} {} {}\n",
                    request.cwd, request.user, request.hostname
                ))),
                ["last"] => outcome.lasting = Some(vec!["last".to_owned()]),
                _ => {}
            }
        }
        for (mount, covered) in request.mounts.iter().zip(covered).rev() {
            let at = path(&mount.target);
            let node = tree.get(&at).cloned().expect("it was mounted");
            if let MountKind::Cache { id, .. } = &mount.kind {
                outcome.caches.push((id.clone(), node));
            }
            match covered {
                Some(node) => tree.insert(&at, node).expect("room for it"),
                None => drop(tree.remove(&at).expect("it was mounted")),
            }
        }
        outcome.tree = tree;
        Ok(outcome)
    }
}

fn write(tree: &mut Tree, at: &TreePath, text: &str, now: Time, blobs: &mut dyn BlobStore) -> Result<(), ExecuteError> {
    let meta = Meta {
        mtime: now,
        ..Meta::of_mode(0o644)
    };
    let dir = Meta {
        mode: 0o755,
        ..meta.clone()
    };
    tree.mkdir_all(&at.parent().expect("not the root"), &dir)
        .expect("room for it");
    let content = Content::Blob {
        digest: blobs.put(text.as_bytes())?,
        size: text.len() as u64,
    };
    tree.insert(at, Node::file(meta, content)).expect("room for it");
    Ok(())
}

/// Files of a host, in a tree.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) tree: Tree,
}

impl HostFiles for Files {
    fn get(&mut self, path: &str) -> Option<Node> {
        let at = self.tree.resolve(path, Follow::Last).ok()?;
        if at.is_root() {
            return Some(Node::Dir(self.tree.root().clone().into()));
        }
        self.tree.get(&at).cloned()
    }

    fn put(&mut self, path: &str, node: Node) -> Result<(), String> {
        let at = TreePath::clean(path).expect("a path without NUL");
        if at.is_within(&TreePath::clean("/forbidden").expect("a path")) {
            return Err("permission denied".to_owned());
        }
        let parent = at.parent().expect("not the root");
        self.tree
            .mkdir_all(&parent, &Meta::of_mode(0o755))
            .expect("room for it");
        self.tree.insert(&at, node).map_err(|error| error.to_string())
    }
}

pub(crate) const START: i64 = 1_700_000_000;

/// A machine.
pub(crate) struct Machine {
    pub(crate) daemon: Daemon,
    pub(crate) blobs: MemoryBlobs,
    pub(crate) script: Script,
    pub(crate) files: Files,
    pub(crate) now: Time,
}

impl Machine {
    /// A machine that has the image `base:1`: two layers, a shell and a few files.
    pub(crate) fn new() -> Machine {
        let mut machine = Machine {
            daemon: Daemon::default(),
            blobs: MemoryBlobs::default(),
            script: Script { requests: Vec::new() },
            files: Files::default(),
            now: Time::of_secs(START),
        };
        machine.add("base:1", |config| config.cmd = vec!["sh".to_owned()]);
        machine
    }

    /// Does something that needs the host.
    pub(crate) fn with<T>(&mut self, work: impl FnOnce(&mut Daemon, &mut Host<'_>) -> T) -> T {
        let mut host = Host {
            now: self.now,
            blobs: &mut self.blobs,
            executor: &mut self.script,
            files: &mut self.files,
            runtime: &mut Simulated,
        };
        work(&mut self.daemon, &mut host)
    }

    /// Takes in the image that `base:1` is, its configuration changed, under a name.
    pub(crate) fn add(&mut self, name: &str, change: impl FnOnce(&mut ContainerConfig)) -> Digest {
        let image = self.image(change);
        self.take_in(image, name)
    }

    pub(crate) fn take_in(&mut self, image: Image, name: &str) -> Digest {
        let id = self
            .daemon
            .add_image(image, Fidelity::Exact, &mut self.blobs)
            .expect("a sound image");
        if !name.is_empty() {
            self.daemon
                .tag(&id.to_string(), &reference(name), self.now)
                .expect("it is here");
        }
        id
    }

    pub(crate) fn image(&mut self, change: impl FnOnce(&mut ContainerConfig)) -> Image {
        let meta = |mode| Meta {
            mtime: Time::of_secs(START - 1000),
            ..Meta::of_mode(mode)
        };
        let mut first = Tree::new();
        for dir in ["bin", "etc", "srv", "tmp", "srv/data"] {
            first.insert(&at(dir), Node::dir(meta(0o755))).expect("room");
        }
        for program in ["bin/sh", "bin/last", "bin/nginx"] {
            let node = Node::file(meta(0o755), self.content("#!"));
            first.insert(&at(program), node).expect("room");
        }
        for (path, text) in [
            ("etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/sh\n"),
            ("etc/motd", "hello\n"),
            ("srv/data/seed", "seed\n"),
        ] {
            let node = Node::file(meta(0o644), self.content(text));
            first.insert(&at(path), node).expect("room");
        }
        let mut second = first.clone();
        let node = Node::file(meta(0o644), self.content("second layer\n"));
        second.insert(&at("srv/second"), node).expect("room");
        second
            .insert(&at("etc/motd.link"), Node::symlink(meta(0o777), "motd"))
            .expect("room");
        let layers = vec![
            Layer::make(diff(&Tree::new(), &first), None, &self.blobs).expect("a layer"),
            Layer::make(diff(&first, &second), None, &self.blobs).expect("a layer"),
        ];
        let mut config = ImageConfig {
            platform: Platform::linux_amd64(),
            created: Some(Time::of_secs(START - 500).into()),
            history: (1..=2)
                .map(|n| History {
                    created: Some(Time::of_secs(START - 1000 + n).into()),
                    created_by: format!("step {n}"),
                    ..History::default()
                })
                .collect(),
            ..ImageConfig::default()
        };
        config.config.env = vec!["PATH=/bin".to_owned(), "A=image".to_owned()];
        change(&mut config.config);
        Image::new(config, layers)
    }

    fn content(&mut self, text: &str) -> Content {
        Content::Blob {
            digest: self.blobs.put(text.as_bytes()).expect("memory takes it"),
            size: text.len() as u64,
        }
    }

    /// `docker create`.
    pub(crate) fn create(&mut self, options: CreateOptions) -> Result<String, Refusal> {
        self.with(|daemon, host| Ok(daemon.create(&options, host)?.id))
    }

    /// `docker run`.
    pub(crate) fn run(&mut self, options: CreateOptions) -> Result<Ran, Refusal> {
        let id = self.create(options)?;
        self.start(&id)
    }

    pub(crate) fn start(&mut self, name: &str) -> Result<Ran, Refusal> {
        self.with(|daemon, host| daemon.start(name, &Stdin::Nothing, host))
    }

    /// Runs a script in a container called `name`, which then lasts.
    pub(crate) fn up(&mut self, name: &str, script: &str) -> String {
        let options = CreateOptions {
            name: Some(name.to_owned()),
            ..options("base:1", &["last", script])
        };
        let ran = self.run(options).expect("it starts");
        assert_eq!(ran.exit, None, "it lasts");
        ran.id
    }

    /// The refusal of an operation, having seen that it changed nothing.
    pub(crate) fn refused<T: std::fmt::Debug>(
        &mut self,
        work: impl FnOnce(&mut Daemon, &mut Host<'_>) -> Result<T, Refusal>,
    ) -> String {
        let before = self.daemon.clone();
        let files = self.files.tree.clone();
        let refusal = self.with(work).expect_err("it is refused").to_string();
        assert_eq!(self.daemon, before, "a refusal changes nothing: {refusal}");
        assert_eq!(self.files.tree, files, "a refusal changes no file: {refusal}");
        refusal
    }

    /// Everything that must hold whatever was done.
    pub(crate) fn check(&self) {
        for image in self.daemon.images() {
            assert_eq!(validate(&image.image, &self.blobs), Vec::new(), "{}", image.id);
            assert_eq!(
                &*image.tree,
                &flatten(&image.image.layers).expect("layers"),
                "{}",
                image.id
            );
            assert_eq!(image.id, image.image.id());
        }
        for container in self.daemon.containers() {
            let again = store::apply(&container.lower, &container.writable()).expect("it applies");
            assert_eq!(shown(&again), shown(&container.tree), "{}", container.name);
        }
    }
}

/// Every path with what counts of it: times of directories do not.
pub(crate) fn shown(tree: &Tree) -> Vec<String> {
    let line = |(path, node): (TreePath, &Node)| {
        let mut meta = node.meta().clone();
        if node.is_dir() {
            meta.mtime = Time::default();
        }
        let content = node.as_file().map(|file| file.content);
        format!("{path} {meta:?} {content:?}")
    };
    tree.walk().map(line).collect()
}

pub(crate) fn at(path: &str) -> TreePath {
    TreePath::parse(path).expect("a good path")
}

pub(crate) fn reference(name: &str) -> Reference {
    name.parse().expect("a good name")
}

pub(crate) fn options(image: &str, argv: &[&str]) -> CreateOptions {
    CreateOptions {
        image: image.to_owned(),
        cmd: argv.iter().map(|&word| word.to_owned()).collect(),
        ..CreateOptions::default()
    }
}

/// The text of a file of a tree.
pub(crate) fn text(tree: &Tree, path: &str, blobs: &MemoryBlobs) -> Option<String> {
    let file = tree.get(&at(path))?.as_file()?;
    let Content::Blob { digest, .. } = file.content else {
        return None;
    };
    Some(String::from_utf8_lossy(&blobs.get(&digest).expect("it is kept")).into_owned())
}

/// The wanted lines of a container's log.
pub(crate) fn logs(machine: &mut Machine, name: &str, options: LogOptions) -> Result<Vec<LogLine>, Refusal> {
    let mut lines = Vec::new();
    machine.with(|daemon, host| daemon.logs(name, options, host, &mut |line| lines.push(line.clone())))?;
    Ok(lines)
}
