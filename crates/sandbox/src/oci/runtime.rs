//! Running a sandbox by an OCI runtime.

use super::{config, refuse_what_cannot_be_handed_on};
use crate::child::{Kind, Tree, open_inside};
use crate::error::{Doing as _, SandboxError};
use crate::spawn::Stdio;
use crate::spec::{Mount, Overlay, Root, Source, Spec};
use crate::stubs::Stub;
use rustix::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind_recursive, unmount};
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus};

/// A sandbox that a runtime runs. Dropping it without [`wait`](Self::wait) kills the sandbox.
#[derive(Debug)]
pub struct RuntimeChild {
    /// What was made in the filesystem so that something could be mounted there. See [`crate::remove_stubs`].
    pub stubs: Vec<Stub>,
    process: Option<process::Child>,
    program: PathBuf,
    id: String,
    bundle: Bundle,
}

impl RuntimeChild {
    /// Waits for its end; the runtime's exit code is that of the sandbox's program.
    ///
    /// # Errors
    ///
    /// [`SandboxError::System`] if the runtime cannot be waited for.
    pub fn wait(mut self) -> Result<ExitStatus, SandboxError> {
        let mut process = self.process.take().ok_or(SandboxError::Lost)?;
        process.wait().doing("wait for the runtime")
    }
}

impl Drop for RuntimeChild {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let state = self.bundle.state();
            let _ = Command::new(&self.program)
                .arg("--root")
                .arg(state)
                .args(["delete", "--force", &self.id])
                .output();
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts a sandbox by `program`, such as `runc`, in `bundle`, an empty directory that must not be used by another.
///
/// The root filesystem, and what else has to be mounted before a runtime can be told of it, is mounted there until the sandbox has
/// ended. Needs to be root on the machine.
///
/// # Errors
///
/// [`SandboxError::Refused`] for what a runtime cannot be told: a terminal, a first process. [`SandboxError::System`] if something
/// cannot be mounted or the runtime not be started; what the runtime itself has to say comes out of the sandbox's standard error.
pub fn spawn_with_runtime(
    program: &Path,
    spec: &Spec,
    bundle: &Path,
    stdio: Stdio,
) -> Result<RuntimeChild, SandboxError> {
    refuse_what_cannot_be_handed_on(spec)?;
    let mut bundle = Bundle {
        // A runtime takes paths that are not absolute to lie in the bundle.
        folder: std::path::absolute(bundle).doing_with(|| format!("open {}", bundle.display()))?,
        mounted: Vec::new(),
    };
    let rootfs = bundle.folder.join("rootfs");
    fs::create_dir(&rootfs).doing_with(|| format!("make {}", rootfs.display()))?;
    match &spec.root {
        Root::Overlay(overlay) => mount_overlay(overlay, &rootfs)?,
        Root::Directory(path) => mount_bind_recursive(path, &rootfs).doing("mount the root")?,
    }
    bundle.mounted.push(rootfs.clone());
    let mut spec = spec.clone();
    for (mount_idx, mount) in spec.mounts.iter_mut().enumerate() {
        bundle.make(mount, mount_idx)?;
    }
    let stubs = make_targets(&rootfs, &spec)?;
    let id = format!("sandbox-{}-{}", process::id(), bundle.number());
    let mut told = config(&spec)?;
    if let Some(parent) = &spec.limits.parent {
        told["linux"]["cgroupsPath"] = format!("{}/{id}", crate::cgroup::checked(parent)?.trim_end_matches('/')).into();
    }
    let text = serde_json::to_vec(&told).expect("a JSON value can be written");
    fs::write(bundle.folder.join("config.json"), text).doing("write config.json")?;
    let stream = |stream: Option<OwnedFd>| stream.map_or_else(process::Stdio::null, process::Stdio::from);
    let process = Command::new(program)
        .arg("--root")
        .arg(bundle.state())
        .arg("run")
        .arg("--bundle")
        .arg(&bundle.folder)
        .arg(&id)
        .stdin(stream(stdio.stdin))
        .stdout(stream(stdio.stdout))
        .stderr(stream(stdio.stderr))
        .spawn()
        .doing_with(|| format!("start {}", program.display()))?;
    Ok(RuntimeChild {
        stubs,
        process: Some(process),
        program: program.to_owned(),
        id,
        bundle,
    })
}

/// Makes what is to be mounted on, as a runtime would, and says what was made: a runtime leaves it there.
fn make_targets(rootfs: &Path, spec: &Spec) -> Result<Vec<Stub>, SandboxError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(rootfs, flags, Mode::empty()).doing("open the root")?;
    let mut tree = Tree::new(root)?;
    let kernel = ["proc", "dev", "sys"];
    for name in kernel {
        tree.plain_directory(name)?;
    }
    for mount in &spec.mounts {
        let first = mount.target.split('/').find(|part| !part.is_empty());
        // The runtime's own mounts come before, and have no files of an image.
        if first.is_some_and(|first| kernel.contains(&first)) {
            continue;
        }
        let kind = match &mount.source {
            Source::Bind(path) if !path.is_dir() => Kind::File,
            _ => Kind::Directory,
        };
        tree.target(&mount.target, kind)?;
    }
    tree.lasting_directory(&spec.cwd)?;
    let place = fs::canonicalize(rootfs).doing("open the root")?;
    let inside = |stub: Stub| {
        let path = Path::new(&stub.path).strip_prefix(&place).ok()?.to_str()?;
        Some(Stub {
            path: format!("/{path}"),
            ..stub
        })
    };
    Ok(tree.stubs.into_iter().filter_map(inside).collect())
}

fn mount_overlay(overlay: &Overlay, target: &Path) -> Result<(), SandboxError> {
    let lower: Vec<String> = overlay.lower.iter().map(|path| path.display().to_string()).collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={},redirect_dir=nofollow,metacopy=off,index=off{}",
        lower.join(":"),
        overlay.upper.display(),
        overlay.work.display(),
        if overlay.volatile { ",volatile" } else { "" }
    );
    let options = CString::new(options)
        .map_err(|_| rustix::io::Errno::INVAL)
        .doing("mount overlay")?;
    mount(
        "overlay",
        target,
        "overlay",
        MountFlags::empty(),
        Some(options.as_c_str()),
    )
    .doing("mount overlay")
}

/// A directory in which filesystems are mounted.
#[derive(Debug)]
struct Bundle {
    folder: PathBuf,
    /// Where, in order.
    mounted: Vec<PathBuf>,
}

impl Bundle {
    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Tells bundles of one process apart.
    fn number(&self) -> u64 {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(&self.folder).map_or(0, |metadata| metadata.ino())
    }

    /// Makes of a mount one that a runtime can be told of: a file or directory of the machine.
    fn make(&mut self, mount: &mut Mount, mount_idx: usize) -> Result<(), SandboxError> {
        let place = self.folder.join(format!("mount-{mount_idx}"));
        let what = || format!("mount {:?}", mount.target);
        let whole = match &mount.source {
            Source::Tmpfs { .. } => return Ok(()),
            Source::Bind(path) => std::path::absolute(path).doing_with(what)?,
            Source::File { bytes, mode, uid, gid } => {
                fs::write(&place, bytes).doing_with(what)?;
                std::os::unix::fs::chown(&place, Some(*uid), Some(*gid)).doing_with(what)?;
                fs::set_permissions(&place, fs::Permissions::from_mode(*mode)).doing_with(what)?;
                place
            }
            Source::Overlay(overlay) => {
                fs::create_dir(&place).doing_with(what)?;
                mount_overlay(overlay, &place)?;
                self.mounted.push(place.clone());
                place
            }
        };
        mount.source = match mount.subpath.take() {
            None => Source::Bind(whole),
            Some(path) => Source::Bind(self.part(&whole, &path, mount_idx)?),
        };
        Ok(())
    }

    /// Mounts a path in a source, held open meanwhile so that no link leads out of it, and says where.
    fn part(&mut self, whole: &Path, path: &str, mount_idx: usize) -> Result<PathBuf, SandboxError> {
        let what = || format!("open {path:?} in its source");
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let source = rustix::fs::open(whole, flags, Mode::empty()).doing_with(what)?;
        let part = open_inside(source.as_fd(), path).doing_with(what)?;
        let held = format!("/proc/self/fd/{}", part.as_raw_fd());
        let place = self.folder.join(format!("part-{mount_idx}"));
        if Path::new(&held).is_dir() {
            fs::create_dir(&place).doing_with(what)?;
        } else {
            fs::write(&place, []).doing_with(what)?;
        }
        mount_bind_recursive(&held, &place).doing_with(what)?;
        self.mounted.push(place.clone());
        Ok(place)
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // The last one first: a part lies in a source. What is not there any more the caller removed.
        for place in self.mounted.drain(..).rev() {
            let _ = unmount(&place, UnmountFlags::DETACH);
        }
    }
}
