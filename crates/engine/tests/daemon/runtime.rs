//! A runtime that keeps processes and files elsewhere: what the daemon asks it, and what it makes of the answers.

use super::support::{Files, Machine, Script, at, options};
use builder::{Fidelity, Output};
use engine::{
    Begun, Container, Copied, CopyOptions, CreateOptions, Ending, ExecOptions, Ground, Host, Launch, Layers, LogLine,
    LogOptions, MountSpec, Mounted, Observed, Place, Process, Refusal, Runtime, Signal, Status, Stdin, StopOptions,
    StoredImage, Volume,
};
use oci::Time;
use std::io::{BufRead, Write};
use store::{Content, Limits, Meta, Node, Tree};

/// Notes what it is asked, and answers what it was told to.
#[derive(Default)]
struct Scripted {
    asked: Vec<String>,
    observed: Option<Observed>,
    fails: bool,
}

impl Scripted {
    fn note(&mut self, what: String) -> Result<(), Refusal> {
        self.asked.push(what.clone());
        if self.fails {
            return Err(Refusal::System {
                doing: what,
                reason: "no space left on device".to_owned(),
            });
        }
        Ok(())
    }

    fn begun(launch: &Launch<'_>, pid: u32) -> Begun {
        Begun {
            argv: launch.argv.clone(),
            pid: Some(pid),
            output: Vec::new(),
            exit: None,
            millis: 0,
            fidelity: Fidelity::Exact,
            warnings: Vec::new(),
        }
    }
}

impl Runtime for Scripted {
    fn create(
        &mut self,
        container: &mut Container,
        image: &StoredImage,
        volumes: &mut [Mounted],
        _: &mut Ground<'_>,
    ) -> Result<(), Refusal> {
        let filled = volumes.iter().filter(|mounted| mounted.fills && mounted.is_new).count();
        let n_layers = image.image.layers.len();
        self.note(format!(
            "create {} of {n_layers} layers, {filled} volumes",
            container.name
        ))
    }

    fn create_volume(&mut self, volume: &Volume) -> Result<(), Refusal> {
        self.note(format!("create volume {}", volume.name))
    }

    fn start(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, _: &mut Ground<'_>) -> Result<Begun, Refusal> {
        let name = at.container()?.name.clone();
        self.note(format!("start {name}: {} in {}", launch.argv.join(" "), launch.cwd))?;
        Ok(Scripted::begun(launch, 4711))
    }

    fn exec(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, _: &mut Ground<'_>) -> Result<Begun, Refusal> {
        let name = at.container()?.name.clone();
        self.note(format!("exec {name}: {} as {}", launch.argv.join(" "), launch.user))?;
        Ok(Scripted::begun(launch, 4712))
    }

    fn signal(&mut self, container: &Container, signal: Signal) -> Result<Option<i32>, Refusal> {
        self.note(format!("signal {} {}", container.name, signal.0))?;
        Ok((signal == Signal::KILL).then_some(137))
    }

    fn stop(&mut self, container: &Container, signal: Signal, grace_secs: u32) -> Result<Ending, Refusal> {
        self.note(format!("stop {} {} {grace_secs}", container.name, signal.0))?;
        Ok(Ending { exit: 143, millis: 250 })
    }

    fn pause(&mut self, container: &Container) -> Result<(), Refusal> {
        self.note(format!("pause {}", container.name))
    }

    fn unpause(&mut self, container: &Container) -> Result<(), Refusal> {
        self.note(format!("unpause {}", container.name))
    }

    fn observe(&mut self, _: &Container) -> Result<Option<Observed>, Refusal> {
        Ok(self.observed.clone())
    }

    fn processes(&mut self, container: &Container) -> Result<Option<Vec<Process>>, Refusal> {
        let mut processes = container.state.processes.clone();
        processes.push(Process {
            pid: 4800,
            parent: Some(4711),
            argv: vec!["child".to_owned()],
            ..processes[0].clone()
        });
        Ok(Some(processes))
    }

    fn files(
        &mut self,
        _: &Container,
        image: &StoredImage,
        ground: &mut Ground<'_>,
    ) -> Result<Option<Layers>, Refusal> {
        let mut tree = Tree::clone(&image.tree);
        let content = Content::Blob {
            digest: ground.blobs.put(b"real\n")?,
            size: 5,
        };
        tree.insert(&at("srv/real"), Node::file(Meta::of_mode(0o644), content))?;
        let lower = Tree::clone(&image.tree);
        Ok(Some(Layers { lower, tree }))
    }

    fn container_bytes(&mut self, _: &Container) -> Result<Option<u64>, Refusal> {
        Ok(Some(1234))
    }

    fn volume_bytes(&mut self, _: &Volume) -> Result<Option<u64>, Refusal> {
        Ok(Some(99))
    }

    fn logs(&mut self, _: &Container, _: LogOptions, each: &mut dyn FnMut(&LogLine)) -> Result<(), Refusal> {
        for (secs, output) in [(1, Output::out("one\n")), (2, Output::err("two\n"))] {
            each(&LogLine {
                time: Time::of_secs(secs),
                stream: output.stream,
                bytes: output.bytes,
            });
        }
        Ok(())
    }

    fn copy_from(
        &mut self,
        at: &mut Place<'_>,
        to: &str,
        _: CopyOptions,
        _: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        self.note(format!("copy {}:{} to {to}", at.name, at.path))?;
        Ok(Copied { bytes: 1 })
    }

    fn copy_to(
        &mut self,
        at: &mut Place<'_>,
        from: &str,
        _: CopyOptions,
        _: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        self.note(format!("copy {from} to {}:{}", at.name, at.path))?;
        Ok(Copied { bytes: 1 })
    }

    fn archive_from(
        &mut self,
        _: &mut Place<'_>,
        _: CopyOptions,
        _: &mut Ground<'_>,
        sink: &mut dyn Write,
    ) -> Result<Copied, Refusal> {
        sink.write_all(b"tar").expect("memory takes it");
        Ok(Copied { bytes: 3 })
    }

    fn archive_to(
        &mut self,
        _: &mut Place<'_>,
        _: Box<dyn BufRead + '_>,
        _: &Limits,
        _: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        Ok(Copied { bytes: 0 })
    }

    fn has_bridge(&self) -> bool {
        false
    }
}

/// A machine whose processes are elsewhere.
struct Elsewhere {
    machine: Machine,
    runtime: Scripted,
}

impl Elsewhere {
    fn new() -> Elsewhere {
        Elsewhere {
            machine: Machine::new(),
            runtime: Scripted::default(),
        }
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut engine::Daemon, &mut Host<'_>) -> T) -> T {
        let (mut script, mut files) = (Script { requests: Vec::new() }, Files::default());
        let mut host = Host {
            now: self.machine.now,
            blobs: &mut self.machine.blobs,
            executor: &mut script,
            files: &mut files,
            runtime: &mut self.runtime,
        };
        let done = work(&mut self.machine.daemon, &mut host);
        assert!(script.requests.is_empty(), "nothing is simulated");
        done
    }

    /// Starts a container that goes on.
    fn up(&mut self, change: impl FnOnce(&mut CreateOptions)) -> String {
        let mut wanted = CreateOptions {
            name: Some("web".to_owned()),
            ..options("base:1", &["nginx"])
        };
        change(&mut wanted);
        self.with(|daemon, host| {
            let id = daemon.create(&wanted, host).expect("it is made").id;
            let ran = daemon.start(&id, &Stdin::Nothing, host).expect("it starts");
            assert_eq!(ran.exit, None);
            id
        })
    }

    fn state(&self) -> &engine::State {
        &self.machine.daemon.container("web").expect("it is here").state
    }
}

#[test]
fn a_life_is_asked_of_the_runtime_and_nothing_is_simulated() {
    let mut there = Elsewhere::new();
    there.up(|wanted| wanted.mounts = vec![MountSpec::parse_volume("data:/srv/data").expect("a volume")]);
    assert_eq!((there.state().status, there.state().pid), (Status::Running, 4711));
    assert_eq!(there.state().address, None, "it has no bridge");
    there.with(|daemon, host| {
        let exec = ExecOptions {
            argv: vec!["id".to_owned()],
            user: Some("web".to_owned()),
            ..ExecOptions::default()
        };
        assert_eq!(daemon.exec("web", &exec, host).expect("it runs").exit, None);
        daemon.pause("web", host).expect("it runs");
        daemon.unpause("web", host).expect("it is frozen");
        assert_eq!(daemon.kill("web", "HUP", host).expect("it runs").exit, None);
        let stopped = daemon.stop("web", &StopOptions::default(), host).expect("it runs");
        assert_eq!((stopped.exit, stopped.millis), (Some(143), 250));
        daemon
            .create_volume(Some("more"), &std::collections::BTreeMap::new(), host)
            .expect("a good name");
    });
    assert_eq!((there.state().status, there.state().exit), (Status::Exited, 143));
    assert_eq!(
        there.runtime.asked,
        [
            "create web of 2 layers, 1 volumes",
            "start web: nginx in /",
            "exec web: id as web",
            "pause web",
            "unpause web",
            "signal web 1",
            "stop web 15 10",
            "create volume more"
        ]
    );
}

#[test]
fn what_the_system_refuses_changes_nothing() {
    let mut there = Elsewhere::new();
    there.up(|_| {});
    there.runtime.fails = true;
    let before = there.machine.daemon.clone();
    there.with(|daemon, host| {
        let refusal = daemon.pause("web", host).expect_err("it fails");
        assert_eq!(refusal.to_string(), "pause web: no space left on device");
        assert!(daemon.stop("web", &StopOptions::default(), host).is_err());
        assert!(daemon.kill("web", "KILL", host).is_err());
        assert!(daemon.create(&options("base:1", &["nginx"]), host).is_err());
        let labels = std::collections::BTreeMap::new();
        assert!(daemon.create_volume(Some("data"), &labels, host).is_err());
    });
    assert_eq!(there.machine.daemon, before);
}

fn ended(exit: i32) -> Observed {
    Observed {
        status: Status::Exited,
        exit,
        error: String::new(),
        pid: 0,
        started: Some(Time::of_secs(10)),
        finished: Some(Time::of_secs(20)),
        restarts: 2,
        out_of_memory: true,
        health: None,
    }
}

#[test]
fn what_happened_while_nobody_asked_is_taken_over() {
    let mut there = Elsewhere::new();
    there.up(|wanted| wanted.ports = engine::PortMapping::parse("8080:80").expect("ports"));
    assert_eq!(there.state().ports.len(), 2);
    there.with(engine::Daemon::observe).expect("it can be asked");
    assert_eq!(there.state().status, Status::Running, "nothing was seen");
    there.runtime.observed = Some(ended(9));
    there.with(engine::Daemon::observe).expect("it can be asked");
    let state = there.state();
    assert_eq!((state.status, state.exit, state.restarts), (Status::Exited, 9, 2));
    assert_eq!((state.pid, state.processes.len(), state.ports.len()), (0, 0, 0));
    assert_eq!(state.finished, Some(Time::of_secs(20)));
    let json = format!(
        "{:?}",
        there.machine.daemon.inspect_container("web").expect("it is here")
    );
    assert!(json.contains("(\"OOMKilled\", Bool(true))"), "{json}");
}

#[test]
fn a_container_that_was_to_go_when_it_ends_is_gone_once_that_is_seen() {
    let mut there = Elsewhere::new();
    there.up(|wanted| {
        wanted.auto_remove = true;
        wanted.mounts = vec![MountSpec::parse_volume("/cache").expect("a volume")];
    });
    assert_eq!(there.machine.daemon.volumes().count(), 1);
    there.runtime.observed = Some(ended(0));
    there.with(engine::Daemon::observe).expect("it can be asked");
    assert_eq!(there.machine.daemon.containers().count(), 0);
    assert_eq!(there.machine.daemon.volumes().count(), 0, "nobody gave it a name");
}

#[test]
fn files_sizes_and_processes_are_brought_when_they_are_needed() {
    let mut there = Elsewhere::new();
    let id = there.up(|wanted| wanted.mounts = vec![MountSpec::parse_volume("data:/srv/data").expect("a volume")]);
    assert_eq!(there.machine.daemon.changes("web").expect("it is here"), []);
    there.with(|daemon, host| {
        daemon.fetch_files("web", host).expect("it has files");
        let changes = daemon.changes("web").expect("it is here");
        let added = (engine::Difference::Added, at("srv/real"));
        assert!(changes.contains(&added), "{changes:?}");
        daemon.count_bytes(host).expect("they can be counted");
        assert_eq!(daemon.container("web").expect("it is here").writable_bytes(), 1234);
        assert_eq!(daemon.volume("data").expect("it is here").bytes(), 99);
        daemon.observe_processes("web", host).expect("it runs");
        assert_eq!(daemon.top("web").expect("it runs").len(), 2);
        let mut shown = Vec::new();
        daemon
            .logs(&id, LogOptions::default(), host, &mut |line| {
                shown.push(line.bytes.clone());
            })
            .expect("it has a log");
        assert_eq!(shown, [b"one\n", b"two\n"]);
        daemon
            .copy_to("web", "/here", "/there", CopyOptions::default(), host)
            .expect("it is taken");
    });
    assert_eq!(
        there.runtime.asked.last().expect("it was asked"),
        "copy /here to web:/there"
    );
}
