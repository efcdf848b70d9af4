//! Running a sandbox by an OCI runtime.

use super::{config, refuse_what_cannot_be_handed_on};
use crate::error::{Doing as _, SandboxError};
use crate::spawn::Stdio;
use crate::spec::{Overlay, Root, Spec};
use rustix::fd::OwnedFd;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind_recursive, unmount};
use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus};

/// A sandbox that a runtime runs. Dropping it without [`wait`](Self::wait) kills the sandbox.
#[derive(Debug)]
pub struct RuntimeChild {
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
/// The root filesystem is mounted there until the sandbox has ended. Needs to be root on the machine.
///
/// # Errors
///
/// [`SandboxError::Refused`] for what a runtime cannot be told: a terminal, a first process, overlays and files in memory as
/// mounts. [`SandboxError::System`] if the root cannot be mounted or the runtime not be started; what the runtime itself has to
/// say comes out of the sandbox's standard error.
pub fn spawn_with_runtime(
    program: &Path,
    spec: &Spec,
    bundle: &Path,
    stdio: Stdio,
) -> Result<RuntimeChild, SandboxError> {
    refuse_what_cannot_be_handed_on(spec)?;
    let config = config(spec)?;
    let rootfs = bundle.join("rootfs");
    fs::create_dir(&rootfs).doing_with(|| format!("make {}", rootfs.display()))?;
    let text = serde_json::to_vec(&config).expect("a JSON value can be written");
    fs::write(bundle.join("config.json"), text).doing("write config.json")?;
    match &spec.root {
        Root::Overlay(overlay) => mount_overlay(overlay, &rootfs)?,
        Root::Directory(path) => mount_bind_recursive(path, &rootfs).doing("mount the root")?,
    }
    let bundle = Bundle {
        folder: bundle.to_owned(),
    };
    let id = format!("sandbox-{}-{}", process::id(), bundle.number());
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
    let program = program.to_owned();
    Ok(RuntimeChild {
        process: Some(process),
        program,
        id,
        bundle,
    })
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

/// A directory with a mounted root filesystem.
#[derive(Debug)]
struct Bundle {
    folder: PathBuf,
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
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // Gone already if the caller removed it.
        let _ = unmount(self.folder.join("rootfs"), UnmountFlags::DETACH);
    }
}
