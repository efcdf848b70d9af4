//! Containers as processes of this machine: what the daemon asks of a [`Runtime`].

use super::ending::{ended_by_itself, stop_by, wait_for_end};
use super::facts::{bytes_below, private, uptime, user_name};
use super::inside::Inside;
use super::job::{First, HealthJob, Input, Job, Task};
use super::log::LogReader;
use super::options_record::restart_text;
use super::publish::{forwards, network_warnings, port_warnings};
use super::refusals::{not_started, of_sandbox, snapshot, system};
use super::spec::{Places, exec, spec, volume_place};
use super::status::{Phase, Status};
use super::{Containers, Following, Held, attach, copy, frame, keeper};
use crate::snapshots::{SnapshotError, read_upper, write_tree};
use engine::{
    Begun, Container, Copied, CopyOptions, Ending, Ground, Launch, Layers, LogLine, LogOptions, Mounted, Observed,
    Place, Process, Refusal, Runtime, Signal, Stdin, StoredImage, Volume, container_base,
};
use frame::Kind;
use oci::Time;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;
use store::{BlobStore, Follow, Limits, Node, Tree};

impl Runtime for Containers {
    fn create(
        &mut self,
        container: &mut Container,
        image: &StoredImage,
        volumes: &mut [Mounted],
        ground: &mut Ground<'_>,
    ) -> Result<(), Refusal> {
        let folder = self.folder_of(&container.id);
        let made = fs::create_dir_all(&self.folder)
            .and_then(|()| private(&folder))
            .and_then(|()| fs::create_dir(folder.join("work")));
        made.map_err(|error| system("make the container's folder", &error))?;
        // The root of a writable layer is the root of the container: it has the rights of the image's.
        let mut root = Tree::new();
        root.update_meta(&store::TreePath::root(), |meta| *meta = image.tree.root().meta.clone())?;
        fs::create_dir(folder.join("upper")).map_err(|error| system("make the writable layer", &error))?;
        write_tree(&folder.join("upper"), &root, ground.blobs)
            .map_err(|error| snapshot("make the writable layer", error))?;
        for mounted in volumes {
            self.fill(mounted, &image.tree, ground)?;
        }
        Ok(())
    }

    fn create_volume(&mut self, volume: &Volume) -> Result<(), Refusal> {
        let place = volume_place(&self.volumes, &volume.name);
        fs::create_dir_all(place).map_err(|error| system("make the volume's folder", &error))
    }

    fn start(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, ground: &mut Ground<'_>) -> Result<Begun, Refusal> {
        let container = at.container()?;
        let (lower, places) = self.ground_floor(at, ground)?;
        for mount in &container.mounts {
            if let engine::MountSource::Bind(path) = &mount.source
                && !Path::new(path).exists()
            {
                fs::create_dir_all(path).map_err(|error| system(&format!("make {path}"), &error))?;
            }
        }
        let spec = spec(
            container,
            launch,
            &places,
            attach::terminal_size(),
            &lower,
            ground.blobs,
        )?;
        let health = health_job(container, &places, &lower, ground.blobs)?;
        let job = Job {
            input: input_of(container, launch.stdin),
            task: Task::First(Box::new(First {
                folder: places.folder.clone(),
                spec,
                restart: restart_text(container.options.restart),
                log_bytes: container.options.log.max_bytes,
                log_files: container.options.log.max_files,
                ports: forwards(at.daemon, container)?,
                health,
            })),
        };
        let warnings = port_warnings(container);
        let (socket, running) = keeper::start(&job).map_err(|error| not_started(&error))?;
        let warnings = [network_warnings(container, &running.network), warnings].concat();
        self.held = Some(Held {
            container: at.id.to_owned(),
            socket,
            tty: launch.tty,
        });
        Ok(begun(launch, running.pid, warnings))
    }

    fn exec(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, ground: &mut Ground<'_>) -> Result<Begun, Refusal> {
        let container = at.container()?;
        let running = self.running(container)?;
        let (lower, places) = self.ground_floor(at, ground)?;
        let exec = exec(
            container,
            launch,
            &places,
            attach::terminal_size(),
            &lower,
            ground.blobs,
        )?;
        let job = Job {
            input: match launch.stdin {
                Stdin::Nothing => Input::Nothing,
                Stdin::Bytes(_) | Stdin::Open => Input::Starter,
            },
            task: Task::Exec {
                running: Box::new(running),
                exec: Box::new(exec),
            },
        };
        let (socket, running) = keeper::start(&job).map_err(|error| not_started(&error))?;
        self.held = Some(Held {
            container: at.id.to_owned(),
            socket,
            tty: launch.tty,
        });
        Ok(begun(launch, running.pid, Vec::new()))
    }

    fn signal(&mut self, container: &Container, signal: Signal) -> Result<Option<i32>, Refusal> {
        let number = u8::try_from(signal.0).unwrap_or_default();
        let folder = self.folder_of(&container.id);
        if let Ok(mut socket) = keeper::connect(&folder) {
            if signal == Signal::KILL {
                // Killing is stopping without waiting.
                return Ok(Some(stop_by(&mut socket, number, 0, &folder, self.now)?.exit));
            }
            frame::write(&mut socket, Kind::Signal, &[number]).map_err(|error| system("send a signal", &error))?;
        }
        Ok(None)
    }

    fn stop(&mut self, container: &Container, signal: Signal, grace_secs: u32) -> Result<Ending, Refusal> {
        let folder = self.folder_of(&container.id);
        if container.state.status == engine::Status::Paused {
            self.unpause(container)?;
        }
        let number = u8::try_from(signal.0).unwrap_or_default();
        match keeper::connect(&folder) {
            Ok(mut socket) => stop_by(&mut socket, number, grace_secs, &folder, self.now),
            Err(_) => ended_by_itself(&folder, self.now),
        }
    }

    fn pause(&mut self, container: &Container) -> Result<(), Refusal> {
        let running = self.running(container)?;
        sandbox::pause(&running).map_err(|error| of_sandbox(&error))
    }

    fn unpause(&mut self, container: &Container) -> Result<(), Refusal> {
        let running = self.running(container)?;
        sandbox::unpause(&running).map_err(|error| of_sandbox(&error))
    }

    fn observe(&mut self, container: &Container) -> Result<Option<Observed>, Refusal> {
        let folder = self.folder_of(&container.id);
        let failed = |error: io::Error| system("read the container's status", &error);
        let Some(status) = Status::read(&folder).map_err(failed)? else {
            return Ok(None);
        };
        let status = match status.lost(self.now) {
            Some(lost) => {
                lost.write(&folder).map_err(failed)?;
                lost
            }
            None => status,
        };
        if !container.is_running() && status.phase == Phase::Exited {
            return Ok(None);
        }
        let is_paused = container.state.status == engine::Status::Paused;
        Ok(Some(status.observed(is_paused)))
    }

    fn processes(&mut self, container: &Container) -> Result<Option<Vec<Process>>, Refusal> {
        if !container.is_running() {
            return Ok(None);
        }
        let running = self.running(container)?;
        let found = sandbox::processes(&running).map_err(|error| of_sandbox(&error))?;
        let up_secs = uptime();
        let process = |found: sandbox::Process| Process {
            pid: found.pid,
            parent: Some(found.parent),
            argv: found.argv,
            user: user_name(found.uid),
            env: Vec::new(),
            cwd: String::new(),
            started: Time::of_secs(self.now.secs - up_secs + found.started.as_secs() as i64),
            used_secs: found.cpu.as_secs(),
        };
        Ok(Some(found.into_iter().map(process).collect()))
    }

    fn files(
        &mut self,
        container: &Container,
        image: &StoredImage,
        ground: &mut Ground<'_>,
    ) -> Result<Option<Layers>, Refusal> {
        let lower = base_of(image, ground.blobs)?;
        let upper = self.folder_of(&container.id).join("upper");
        let written = read_upper(&upper, &lower, ground.blobs);
        let tree = written
            .map_err(|error| snapshot("read the writable layer", error))?
            .tree;
        Ok(Some(Layers { lower, tree }))
    }

    fn container_bytes(&mut self, container: &Container) -> Result<Option<u64>, Refusal> {
        Ok(Some(bytes_below(&self.folder_of(&container.id).join("upper"))))
    }

    fn volume_bytes(&mut self, volume: &Volume) -> Result<Option<u64>, Refusal> {
        Ok(Some(bytes_below(&volume_place(&self.volumes, &volume.name))))
    }

    fn logs(
        &mut self,
        container: &Container,
        options: LogOptions,
        each: &mut dyn FnMut(&LogLine),
    ) -> Result<(), Refusal> {
        let failed = |error: io::Error| system("read the log", &error);
        let mut reader = LogReader::open(&self.folder_of(&container.id)).map_err(failed)?;
        reader.each(options, each).map_err(failed)?;
        self.following = Some(Following {
            container: container.id.clone(),
            reader,
        });
        Ok(())
    }

    fn copy_from(
        &mut self,
        at: &mut Place<'_>,
        target: &str,
        options: CopyOptions,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        let inside = self.inside(at, ground)?;
        copy::from(&inside, at, target, options)
    }

    fn copy_to(
        &mut self,
        at: &mut Place<'_>,
        source: &str,
        options: CopyOptions,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        let inside = self.inside(at, ground)?;
        copy::to(&inside, at, source, options)
    }

    fn archive_from(
        &mut self,
        at: &mut Place<'_>,
        options: CopyOptions,
        ground: &mut Ground<'_>,
        sink: &mut dyn Write,
    ) -> Result<Copied, Refusal> {
        let inside = self.inside(at, ground)?;
        copy::archive_from(&inside, at, options, ground.blobs, sink)
    }

    fn archive_to(
        &mut self,
        at: &mut Place<'_>,
        source: Box<dyn BufRead + '_>,
        limits: &Limits,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        let inside = self.inside(at, ground)?;
        copy::archive_to(&inside, at, source, limits, ground.blobs)
    }

    fn has_bridge(&self) -> bool {
        false
    }
}

impl Containers {
    /// What a container's writable layer lies on, as a value and on disk.
    fn ground_floor(&mut self, at: &Place<'_>, ground: &mut Ground<'_>) -> Result<(Tree, Places), Refusal> {
        let container = at.container()?;
        let image = at
            .daemon
            .image_by_id(container.image)
            .ok_or_else(|| Refusal::NoSuchImage {
                name: container.image.to_string(),
            })?;
        let lower = base_of(image, ground.blobs)?;
        let failed = |error: SnapshotError| snapshot("put the image on disk", error);
        // The image's own comes first: what every container gets is then written over it, and shared.
        let snapshots = self.snapshots().map_err(failed)?;
        snapshots.add_base(&image.tree);
        let on_disk = snapshots.of(&lower, ground.blobs).map_err(failed)?;
        let places = Places {
            folder: self.folder_of(at.id),
            lower: on_disk.lower,
            volumes: self.volumes.clone(),
        };
        Ok((lower, places))
    }

    fn inside(&mut self, at: &Place<'_>, ground: &mut Ground<'_>) -> Result<Inside, Refusal> {
        let container = at.container()?;
        if matches!(container.state.status, engine::Status::Running | engine::Status::Paused) {
            let running = self.running(container);
            let looked = running.and_then(|running| Inside::of_running(container, &running));
            if looked.is_ok() {
                return looked;
            }
            // One that has just ended is looked at as one that does not run, once its keeper has let go of it.
            wait_for_end(&self.folder_of(at.id));
        }
        let (_, places) = self.ground_floor(at, ground)?;
        Inside::of_stopped(container, &places)
    }

    /// The first process of a container that runs.
    fn running(&self, container: &Container) -> Result<sandbox::Running, Refusal> {
        let status = Status::read(&self.folder_of(&container.id));
        let status = status.map_err(|error| system("read the container's status", &error))?;
        let running = status.and_then(|status| status.running);
        running.ok_or_else(|| Refusal::Conflict {
            message: format!("container {} is not running", container.id),
        })
    }

    /// Makes the directory of a volume, and gives an empty one what the image has at its place.
    fn fill(&self, mounted: &Mounted, image: &Tree, ground: &mut Ground<'_>) -> Result<(), Refusal> {
        let place = volume_place(&self.volumes, &mounted.volume.name);
        fs::create_dir_all(&place).map_err(|error| system("make the volume's folder", &error))?;
        let mut held = fs::read_dir(&place).map_err(|error| system("read the volume's folder", &error))?;
        if !mounted.fills || held.next().is_some() {
            return Ok(());
        }
        let found = image.resolve(&mounted.target, Follow::Last).ok();
        let Some(Node::Dir(dir)) = found.and_then(|found| image.get(&found)) else {
            return Ok(());
        };
        let content = Tree::from_dir(dir.clone())?;
        write_tree(&place, &content, ground.blobs).map_err(|error| snapshot("fill the volume", error))
    }
}

/// The health check of a container, if it has one.
fn health_job(
    container: &Container,
    places: &Places,
    lower: &Tree,
    blobs: &dyn BlobStore,
) -> Result<Option<HealthJob>, Refusal> {
    let Some((check, argv)) = container.health_command() else {
        return Ok(None);
    };
    let launch = container.launch(argv, &Stdin::Nothing);
    let mut exec = exec(container, &launch, places, (80, 24), lower, blobs)?;
    exec.terminal = None;
    Ok(Some(HealthJob { check, exec }))
}

/// What a writable layer of an image lies on. It is the same for all containers of an image: what they get is as old as that.
fn base_of(image: &StoredImage, blobs: &mut dyn BlobStore) -> Result<Tree, Refusal> {
    container_base(&image.tree, image.created(), blobs)
}

fn begun(launch: &Launch<'_>, pid: u32, warnings: Vec<String>) -> Begun {
    Begun {
        argv: launch.argv.clone(),
        pid: Some(pid),
        output: Vec::new(),
        exit: None,
        millis: 0,
        fidelity: builder::Fidelity::Exact,
        warnings,
    }
}

fn input_of(container: &Container, stdin: &Stdin) -> Input {
    match (container.options.interactive, stdin) {
        (false, _) => Input::Nothing,
        // With `-d` nobody is there yet whose end would be the input's.
        (true, Stdin::Nothing) => Input::Anybody,
        (true, _) if container.options.tty => Input::Anybody,
        (true, _) => Input::Starter,
    }
}
