//! The runtime of a machine that is none: an executor computes what processes do, and the daemon itself keeps the files.

use super::super::{Daemon, Ground, Refusal, StoredImage};
use super::create::make_layers;
use super::mounts::{ContainerFiles, fill};
use super::signals::{Answer, answer};
use super::{
    Begun, Container, Copied, CopyOptions, Ending, Launch, LogLine, LogOptions, Mounted, Network, Place, Runtime,
    Signal, Stdin,
};
use builder::{MountKind, Purpose, RunMount, RunRequest};
use std::io::{BufRead, Write};
use store::{BlobStore, Content, Follow, Limits, Node, Tree};

/// Computes processes instead of running them, with the executor of the [`Host`](super::super::Host).
///
/// A process that goes on stands still: nothing happens in it until it is asked something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Simulated;

impl Runtime for Simulated {
    fn create(
        &mut self,
        container: &mut Container,
        image: &StoredImage,
        volumes: &mut [Mounted],
        ground: &mut Ground<'_>,
    ) -> Result<(), Refusal> {
        make_layers(container, &image.tree, ground)?;
        for mounted in volumes {
            fill(mounted, &image.tree);
        }
        Ok(())
    }

    fn start(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, ground: &mut Ground<'_>) -> Result<Begun, Refusal> {
        at.daemon.simulate(at.id, launch, ground)
    }

    fn exec(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, ground: &mut Ground<'_>) -> Result<Begun, Refusal> {
        at.daemon.simulate(at.id, launch, ground)
    }

    fn signal(&mut self, container: &Container, signal: Signal) -> Result<Option<i32>, Refusal> {
        Ok(match answer_of(container, signal) {
            Answer::Ends(exit) => Some(exit),
            Answer::GoesOn => None,
        })
    }

    fn stop(&mut self, container: &Container, signal: Signal, grace_secs: u32) -> Result<Ending, Refusal> {
        Ok(match answer_of(container, signal) {
            Answer::Ends(exit) => Ending { exit, millis: 100 },
            Answer::GoesOn => Ending {
                exit: 137,
                millis: u64::from(grace_secs) * 1000 + 100,
            },
        })
    }

    fn logs(
        &mut self,
        container: &Container,
        options: LogOptions,
        each: &mut dyn FnMut(&LogLine),
    ) -> Result<(), Refusal> {
        let wanted = container.log.iter().filter(|line| options.wants(line.time));
        let n_over = match options.tail {
            Some(tail) => wanted.clone().count().saturating_sub(tail),
            None => 0,
        };
        wanted.skip(n_over).for_each(each);
        Ok(())
    }

    fn copy_from(
        &mut self,
        at: &mut Place<'_>,
        target: &str,
        options: CopyOptions,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        at.daemon.copy_node_from(at.name, at.path, target, options, ground)
    }

    fn copy_to(
        &mut self,
        at: &mut Place<'_>,
        source: &str,
        options: CopyOptions,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        at.daemon.copy_node_to(at.name, source, at.path, options, ground)
    }

    fn archive_from(
        &mut self,
        at: &mut Place<'_>,
        options: CopyOptions,
        ground: &mut Ground<'_>,
        sink: &mut dyn Write,
    ) -> Result<Copied, Refusal> {
        at.daemon.archive_node_from(at.name, at.path, options, ground, sink)
    }

    fn archive_to(
        &mut self,
        at: &mut Place<'_>,
        source: Box<dyn BufRead + '_>,
        limits: &Limits,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        at.daemon.archive_node_to(at.name, at.path, source, limits, ground)
    }
}

/// What the first process of a container does on a signal.
fn answer_of(container: &Container, signal: Signal) -> Answer {
    let first = container.state.processes.first();
    let argv = first.map_or(&[][..], |process| &process.argv);
    answer(argv, container.options.init, signal)
}

impl Daemon {
    /// Runs something over a container's filesystem and takes over what it left there.
    fn simulate(&mut self, id: &str, launch: &Launch<'_>, host: &mut Ground<'_>) -> Result<Begun, Refusal> {
        let container = self.container(id)?;
        let view = self.view(container, host)?;
        let request = request(container, launch, &view, host)?;
        let outcome = host.executor.run(&request, &container.tree, host.blobs)?;
        let is_read_only = container.options.read_only;
        let before: Vec<(usize, Node)> = view.mounted().map(|(n, node)| (n, node.clone())).collect();
        for (identity, node) in outcome.caches {
            let number = identity.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
            let known = before.iter().find(|(n, _)| Some(*n) == number);
            if let Some((number, _)) = known.filter(|(_, known)| *known != node) {
                self.put_mount(id, *number, node, host)?;
            }
        }
        let container = self.container_mut(id);
        let mut warnings = Vec::new();
        if !is_read_only {
            container.tree = outcome.tree;
        } else if outcome.tree != container.tree {
            warnings.push(
                "what the process wrote to its read-only root is dropped; a real one would have failed".to_owned(),
            );
        }
        container.fidelity = container.fidelity.max(outcome.fidelity);
        Ok(Begun {
            exit: outcome.lasting.is_none().then_some(outcome.exit),
            argv: outcome.lasting.unwrap_or_else(|| launch.argv.clone()),
            pid: None,
            output: outcome.output,
            millis: outcome.millis,
            fidelity: outcome.fidelity,
            warnings,
        })
    }
}

/// What the executor is asked.
fn request(
    container: &Container,
    launch: &Launch<'_>,
    view: &ContainerFiles,
    host: &mut Ground<'_>,
) -> Result<RunRequest, Refusal> {
    let cwd = launch.cwd.as_str();
    check_user(&view.tree, &launch.user, host.blobs)?;
    let path = launch
        .env
        .iter()
        .find(|(name, _)| name == "PATH")
        .map_or("", |(_, value)| value);
    check_program(&view.tree, launch.argv.first().map_or("", String::as_str), path, cwd)?;
    let mounts = view.mounted().map(|(number, node)| {
        let mount = &container.mounts[number];
        let kind = if mount.read_only {
            MountKind::Bind {
                node: node.clone(),
                read_only: true,
            }
        } else {
            MountKind::Cache {
                id: format!("container {} mount {number}", container.id),
                node: node.clone(),
                read_only: false,
            }
        };
        RunMount {
            target: mount.target.clone(),
            kind,
        }
    });
    let (purpose, stdin) = match launch.stdin {
        Stdin::Nothing => (Purpose::Process, Vec::new()),
        Stdin::Bytes(bytes) => (Purpose::Process, bytes.clone()),
        Stdin::Open => (Purpose::Interactive, Vec::new()),
    };
    Ok(RunRequest {
        argv: launch.argv.clone(),
        mounts: mounts.collect(),
        env: launch.env.clone(),
        cwd: cwd.to_owned(),
        user: launch.user.clone(),
        network: container.options.network != Network::None,
        now: host.now,
        purpose,
        stdin,
        hostname: container.hostname().to_owned(),
    })
}

/// That the program can be started, as the runtime finds out before it does.
fn check_program(tree: &Tree, program: &str, path: &str, cwd: &str) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        Err(Refusal::NotStarted {
            reason: format!("exec: {program:?}: {why}"),
        })
    };
    if program.contains('/') {
        let absolute = if program.starts_with('/') {
            program.to_owned()
        } else {
            format!("{cwd}/{program}")
        };
        return match at(tree, &absolute) {
            None => refuse(&format!("stat {program}: no such file or directory")),
            Some(Node::Dir(_)) => refuse("is a directory"),
            Some(node) if node.meta().mode & 0o111 == 0 => refuse("permission denied"),
            Some(_) => Ok(()),
        };
    }
    let mut found = path.split(':').filter_map(|dir| at(tree, &format!("{dir}/{program}")));
    if !program.is_empty() && found.any(|node| !node.is_dir() && node.meta().mode & 0o111 != 0) {
        return Ok(());
    }
    refuse("executable file not found in $PATH")
}

/// That the user is one the container knows.
fn check_user(tree: &Tree, user: &str, blobs: &dyn BlobStore) -> Result<(), Refusal> {
    let name = user.split(':').next().unwrap_or_default();
    if name.is_empty() || name.parse::<u32>().is_ok() {
        return Ok(());
    }
    let content = at(tree, "/etc/passwd").and_then(Node::as_file).map(|file| file.content);
    let is_known = match content {
        // Nobody can tell what stands in a file without bytes.
        Some(Content::Absent { .. }) => true,
        Some(Content::Blob { digest, .. }) => {
            let bytes = blobs.get(&digest)?;
            let text = String::from_utf8_lossy(&bytes);
            text.lines().any(|line| line.split(':').next() == Some(name))
        }
        None => name == "root",
    };
    if is_known {
        Ok(())
    } else {
        Err(Refusal::NoSuchUser { user: name.to_owned() })
    }
}

/// What stands at a path, links followed.
pub(super) fn at<'a>(tree: &'a Tree, path: &str) -> Option<&'a Node> {
    tree.get(&tree.resolve(path, Follow::Last).ok()?)
}
