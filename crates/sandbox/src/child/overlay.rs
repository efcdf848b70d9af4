//! Directories over each other.

use super::mounts::{Staging, filesystem};
use crate::error::SandboxError;
use crate::spec::Overlay;
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, MountFlags};
use std::path::{Path, PathBuf};

/// Given, not left to the kernel's configuration: a redirect that a layer smuggles in must not be followed.
const EXPLICIT: [(&str, Option<&str>); 3] = [
    ("redirect_dir", Some("nofollow")),
    ("metacopy", Some("off")),
    ("index", Some("off")),
];

/// Makes an overlay, mounted nowhere of note yet.
///
/// # Errors
///
/// The kernel's, with the directory at fault if it is missing.
pub(super) fn mount(overlay: &Overlay, staging: &mut Staging) -> Result<OwnedFd, SandboxError> {
    match by_descriptor(overlay) {
        // Before Linux 6.5 layers cannot be added one by one.
        Err(Errno::INVAL) => by_options(overlay, staging),
        made => made,
    }
    .map_err(|errno| explain(overlay, errno))
}

fn by_descriptor(overlay: &Overlay) -> Result<OwnedFd, Errno> {
    let text = |path: &PathBuf| path.to_str().map(str::to_owned).ok_or(Errno::ILSEQ);
    let lower: Vec<String> = overlay.lower.iter().map(text).collect::<Result<_, _>>()?;
    let (upper, work) = (text(&overlay.upper)?, text(&overlay.work)?);
    let mut options: Vec<(&str, Option<&str>)> = vec![("source", Some("overlay"))];
    options.extend(lower.iter().map(|layer| ("lowerdir+", Some(layer.as_str()))));
    options.extend([("upperdir", Some(upper.as_str())), ("workdir", Some(work.as_str()))]);
    options.extend(EXPLICIT);
    options.extend(flags(overlay).map(|flag| (flag, None)));
    filesystem("overlay", &options, MountAttrFlags::empty())
}

/// The old way: one text of at most a page, so every layer is named by a descriptor.
fn by_options(overlay: &Overlay, staging: &mut Staging) -> Result<OwnedFd, Errno> {
    let open = |path: &PathBuf| rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let lower: Vec<OwnedFd> = overlay.lower.iter().map(open).collect::<Result<_, _>>()?;
    let (upper, work) = (open(&overlay.upper)?, open(&overlay.work)?);
    let names: Vec<String> = lower.iter().map(|layer| layer.as_raw_fd().to_string()).collect();
    let mut options = format!(
        "lowerdir={},upperdir={},workdir={}",
        names.join(":"),
        upper.as_raw_fd(),
        work.as_raw_fd()
    );
    for (key, value) in EXPLICIT {
        options = format!("{options},{key}={}", value.unwrap_or_default());
    }
    for flag in flags(overlay) {
        options = format!("{options},{flag}");
    }
    let place = staging.directory()?;
    let target = format!("/proc/self/fd/{}", place.as_raw_fd());
    // Relative names keep the text short: three characters a layer.
    rustix::process::chdir("/proc/self/fd")?;
    let options = std::ffi::CString::new(options).map_err(|_| Errno::INVAL)?;
    rustix::mount::mount(
        "overlay",
        target.as_str(),
        "overlay",
        MountFlags::empty(),
        Some(options.as_c_str()),
    )?;
    // The descriptor still leads to what is covered now.
    staging.mounted_last()
}

fn flags(overlay: &Overlay) -> impl Iterator<Item = &'static str> {
    let userxattr = crate::isolation::in_user_namespace().then_some("userxattr");
    userxattr.into_iter().chain(overlay.volatile.then_some("volatile"))
}

fn explain(overlay: &Overlay, errno: Errno) -> SandboxError {
    let all = overlay.lower.iter().chain([&overlay.upper, &overlay.work]);
    let missing = all.map(PathBuf::as_path).find(|path: &&Path| !path.is_dir());
    match missing {
        Some(path) => SandboxError::system(format!("mount overlay: open {}", path.display()), Errno::NOENT),
        None => SandboxError::system("mount overlay", errno),
    }
}
