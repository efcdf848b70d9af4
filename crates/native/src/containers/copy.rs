//! `cp`: files between the machine and a container, by open directories only, so that no link that a container made leads out of it
//! (CVE-2018-15664), and nothing of the container is executed or loaded (CVE-2019-14271).

use super::inside::Inside;
use super::refusals::{snapshot, system};
use crate::ingest::Ingest;
use crate::snapshots::{read_upper, write_tree};
use engine::{Copied, CopyOptions, Place, Refusal, Stands, copy_place};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chownat, fchmod, fstat, futimens,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use store::{BlobStore, Limits, Tree, TreePath, Whiteouts, apply, decompress, diff, read_tar, write_tar};

const BLOCK: u64 = 512;
/// Deeper than this are no files that a person made.
const MAX_DEPTH: usize = 1000;

/// Who owns a copy.
#[derive(Debug, Clone, Copy)]
enum Owner {
    /// Whoever owns what is copied.
    Kept,
    /// This user and group.
    Is(u32, u32),
}

/// Copies something of a container to a path of the machine.
pub(super) fn from(inside: &Inside, at: &Place<'_>, target: &str, options: CopyOptions) -> Result<Copied, Refusal> {
    let source = opened(inside, at, options)?;
    let copied = stands(&source)?;
    let (_, base) = split(at.path);
    let there = fs::metadata(target).ok().map(|found| {
        if found.is_dir() {
            Stands::Directory
        } else {
            Stands::Other
        }
    });
    let place = copy_place(there, copied, &base, at.path, target)?;
    let (parent, name) = split(&place);
    if !Path::new(&parent).is_dir() {
        return Err(Refusal::Invalid {
            message: format!("invalid output path: directory {parent:?} does not exist"),
        });
    }
    let parent = openat(CWD, parent.as_str(), DIRECTORY, Mode::empty()).map_err(|error| copying(&place, error))?;
    let owner = if options.archive {
        Owner::Kept
    } else {
        Owner::Is(rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
    };
    let bytes = put(&source, parent.as_fd(), &name, owner).map_err(|error| copying(&place, error))?;
    Ok(Copied { bytes })
}

/// Copies something of the machine into a container.
pub(super) fn to(inside: &Inside, at: &Place<'_>, source: &str, options: CopyOptions) -> Result<Copied, Refusal> {
    // Docker's client follows a link that is named only if it is told to; one that ends in `/` is a directory.
    let last = if options.follow || source.ends_with(['/', '.']) {
        OFlags::empty()
    } else {
        OFlags::NOFOLLOW
    };
    let opened = openat(CWD, source, OFlags::PATH | OFlags::CLOEXEC | last, Mode::empty());
    let opened = opened.map_err(|error| Refusal::HostFile {
        path: source.to_owned(),
        reason: reason(error),
    })?;
    let copied = stands(&opened)?;
    let (_, base) = split(source);
    let there = match inside.at(at.path).open(OFlags::empty()) {
        Ok(there) => Some(stands(&there)?),
        Err(_) => None,
    };
    let place = copy_place(there, copied, &base, source, at.path)?;
    let owner = if options.archive { Owner::Kept } else { Owner::Is(0, 0) };
    let bytes = put_inside(inside, at, &place, &opened, owner)?;
    Ok(Copied { bytes })
}

/// Writes something of a container to `sink` as a tar.
pub(super) fn archive_from(
    inside: &Inside,
    at: &Place<'_>,
    options: CopyOptions,
    blobs: &mut dyn BlobStore,
    sink: &mut dyn Write,
) -> Result<Copied, Refusal> {
    let source = opened(inside, at, options)?;
    let (_, base) = split(at.path);
    let scratch = Scratch::new()?;
    let name = if base == "/" { "root".to_owned() } else { base.clone() };
    put(&source, scratch.open()?.as_fd(), &name, Owner::Kept).map_err(|error| copying(at.path, error))?;
    let read = |folder: &Path, blobs: &mut dyn BlobStore| {
        read_upper(folder, &Tree::new(), blobs).map_err(|error| snapshot("read what was copied", error))
    };
    let tree = if base == "/" {
        read(&scratch.path().join(&name), blobs)?.tree
    } else {
        read(&scratch.path(), blobs)?.tree
    };
    let changes = diff(&Tree::new(), &tree).as_written(None);
    let written = write_tar(&changes, blobs, sink)?;
    Ok(Copied { bytes: written.size })
}

/// Unpacks a tar into a directory of a container.
pub(super) fn archive_to(
    inside: &Inside,
    at: &Place<'_>,
    source: Box<dyn BufRead + '_>,
    limits: &Limits,
    blobs: &mut dyn BlobStore,
) -> Result<Copied, Refusal> {
    let there = inside.at(at.path).open(OFlags::empty()).map_err(|_| missing(at))?;
    if stands(&there)? != Stands::Directory {
        return Err(Refusal::Invalid {
            message: "extraction point is not a directory".to_owned(),
        });
    }
    let mut tar = decompress(source)?;
    let read = read_tar(&mut tar as &mut dyn Read, limits, Whiteouts::Keep, blobs)?;
    drop(tar);
    let tree = apply(&Tree::new(), &read.changes)?;
    let scratch = Scratch::new()?;
    write_tree(&scratch.path(), &tree, blobs).map_err(|error| snapshot("unpack the archive", error))?;
    refuse_read_only(inside, at.path)?;
    let failed = |error: Errno| copying(at.path, error);
    let below = reopen(&there, DIRECTORY).map_err(failed)?;
    for name in names(scratch.open()?.as_fd()).map_err(failed)? {
        let entry = openat(scratch.open()?, name.as_str(), ENTRY, Mode::empty()).map_err(failed)?;
        put(&entry, below.as_fd(), &name, Owner::Kept).map_err(failed)?;
    }
    Ok(Copied { bytes: read.size })
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const ENTRY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn opened(inside: &Inside, at: &Place<'_>, options: CopyOptions) -> Result<OwnedFd, Refusal> {
    let follows = options.follow || at.path.ends_with('/') || at.path.ends_with("/.");
    let last = if follows { OFlags::empty() } else { OFlags::NOFOLLOW };
    inside.at(at.path).open(last).map_err(|_| missing(at))
}

fn missing(at: &Place<'_>) -> Refusal {
    Refusal::NoSuchFile {
        path: at.path.to_owned(),
        container: at.name.to_owned(),
    }
}

fn refuse_read_only(inside: &Inside, place: &str) -> Result<(), Refusal> {
    if inside.at(place).read_only {
        return Err(Refusal::Invalid {
            message: "mounted volume is marked read-only".to_owned(),
        });
    }
    Ok(())
}

fn put_inside(inside: &Inside, at: &Place<'_>, place: &str, source: &OwnedFd, owner: Owner) -> Result<u64, Refusal> {
    if at.container()?.options.read_only && !is_in_mount(at, place)? {
        return Err(Refusal::Invalid {
            message: "container rootfs is marked read-only".to_owned(),
        });
    }
    refuse_read_only(inside, place)?;
    let failed = |error: Errno| match error {
        Errno::ROFS => Refusal::Invalid {
            message: "mounted volume is marked read-only".to_owned(),
        },
        error => copying(place, error),
    };
    let (parent, name) = split(place);
    if name == "/" {
        let root = inside
            .at("/")
            .open(OFlags::DIRECTORY)
            .and_then(|root| reopen(&root, DIRECTORY))
            .map_err(failed)?;
        return fill(source, &root, owner, 0).map_err(failed);
    }
    let above = inside.at(&parent).open(OFlags::DIRECTORY);
    let above = above
        .and_then(|above| reopen(&above, DIRECTORY))
        .map_err(|_| Refusal::NoSuchFile {
            path: parent.clone(),
            container: at.name.to_owned(),
        })?;
    put(source, above.as_fd(), &name, owner).map_err(failed)
}

fn is_in_mount(at: &Place<'_>, place: &str) -> Result<bool, Refusal> {
    let mounts = &at.container()?.mounts;
    Ok(mounts.iter().any(|mount| {
        let target = mount.target.trim_end_matches('/');
        place == target || place.starts_with(&format!("{target}/"))
    }))
}

/// Puts a copy of `source` into a directory under a name, over what stands there. Returns the bytes of an archive of it.
fn put(source: &OwnedFd, into: BorrowedFd<'_>, name: &str, owner: Owner) -> Result<u64, Errno> {
    put_at(source, into, name, owner, 0)
}

fn put_at(source: &OwnedFd, into: BorrowedFd<'_>, name: &str, owner: Owner, depth: usize) -> Result<u64, Errno> {
    let stat = fstat(source)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let there = match statat(into, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) => Some(FileType::from_raw_mode(there.st_mode)),
        Err(Errno::NOENT) => None,
        Err(error) => return Err(error),
    };
    match (kind, there) {
        (FileType::Directory, Some(FileType::Directory)) | (_, None) => {}
        (FileType::Directory, Some(_)) => return Err(Errno::NOTDIR),
        (_, Some(FileType::Directory)) => return Err(Errno::ISDIR),
        (_, Some(_)) => unlinkat(into, name, AtFlags::empty())?,
    }
    match kind {
        FileType::Directory => {
            if there.is_none() {
                mkdirat(into, name, Mode::RWXU)?;
            }
            let made = openat(into, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
            let bytes = fill(source, &made, owner, depth + 1)?;
            finish(&made, &stat, owner)?;
            Ok(bytes + BLOCK)
        }
        FileType::RegularFile => {
            let mut content = File::from(reopen(source, OFlags::RDONLY | OFlags::CLOEXEC)?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut made = File::from(openat(into, name, flags, Mode::RUSR | Mode::WUSR)?);
            let size =
                io::copy(&mut content, &mut made).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
            finish(&made.into(), &stat, owner)?;
            Ok(BLOCK + size.next_multiple_of(BLOCK))
        }
        FileType::Symlink => {
            let target = readlinkat(source, "", Vec::new())?;
            symlinkat(target.as_c_str(), into, name)?;
            own(into, name, &stat, owner)?;
            utimensat(into, name, &times(&stat), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(BLOCK)
        }
        // As in an archive: a socket is none.
        FileType::Socket => Ok(0),
        other => {
            mknodat(
                into,
                name,
                other,
                Mode::from_raw_mode(stat.st_mode & 0o7777),
                stat.st_rdev,
            )?;
            own(into, name, &stat, owner)?;
            Ok(BLOCK)
        }
    }
}

/// Copies everything in a directory into another one.
fn fill(source: &OwnedFd, into: &OwnedFd, owner: Owner, depth: usize) -> Result<u64, Errno> {
    if depth > MAX_DEPTH {
        return Err(Errno::NAMETOOLONG);
    }
    let below = reopen(source, DIRECTORY)?;
    let mut bytes = 0;
    for name in names(below.as_fd())? {
        let entry = openat(&below, name.as_str(), ENTRY, Mode::empty())?;
        bytes += put_at(&entry, into.as_fd(), &name, owner, depth)?;
    }
    Ok(bytes)
}

fn names(directory: BorrowedFd<'_>) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        // A name that is no text is in no layer either.
        let name = entry.file_name().to_str().map_err(|_| Errno::ILSEQ)?.to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Opens for real what was opened by its place only. It is the same thing: no path is walked.
fn reopen(opened: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    if flags.contains(OFlags::DIRECTORY) {
        return openat(opened, ".", flags, Mode::empty());
    }
    openat(
        CWD,
        format!("/proc/self/fd/{}", opened.as_raw_fd()),
        flags,
        Mode::empty(),
    )
}

fn finish(made: &OwnedFd, stat: &Stat, owner: Owner) -> Result<(), Errno> {
    let (uid, gid) = ids(stat, owner);
    rustix::fs::fchown(made, Some(uid), Some(gid))?;
    // After the owner, whose change takes set-user-ID away.
    fchmod(made, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    futimens(made, &times(stat))
}

fn own(into: BorrowedFd<'_>, name: &str, stat: &Stat, owner: Owner) -> Result<(), Errno> {
    let (uid, gid) = ids(stat, owner);
    chownat(into, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
}

fn ids(stat: &Stat, owner: Owner) -> (Uid, Gid) {
    let (uid, gid) = match owner {
        Owner::Kept => (stat.st_uid, stat.st_gid),
        Owner::Is(uid, gid) => (uid, gid),
    };
    (Uid::from_raw(uid), Gid::from_raw(gid))
}

fn times(stat: &Stat) -> Timestamps {
    let time = |secs: i64, nanos: i64| Timespec {
        tv_sec: secs,
        tv_nsec: nanos,
    };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec as i64),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec as i64),
    }
}

fn stands(opened: &OwnedFd) -> Result<Stands, Refusal> {
    let stat = fstat(opened).map_err(|error| system("look at a file", &error.into()))?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Stands::Directory,
        _ => Stands::Other,
    })
}

/// Directory and last component of a path; `.` at its end means the directory itself.
fn split(path: &str) -> (String, String) {
    let clean = TreePath::clean(path).unwrap_or_default();
    let parent = clean.parent().unwrap_or_default().absolute();
    (parent, clean.name().unwrap_or("/").to_owned())
}

fn copying(place: &str, error: Errno) -> Refusal {
    Refusal::HostFile {
        path: place.to_owned(),
        reason: reason(error),
    }
}

/// Why, in the words of the system: `no such file or directory`.
fn reason(error: Errno) -> String {
    let text = io::Error::from(error).to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// A folder for what is on its way.
struct Scratch {
    ingest: Ingest,
}

impl Scratch {
    fn new() -> Result<Scratch, Refusal> {
        let failed = |error: io::Error| system("make a folder for what is copied", &error);
        let ingest = Ingest::open(&std::env::temp_dir().join("layerlab-copies")).map_err(failed)?;
        fs::create_dir(ingest.path("files")).map_err(failed)?;
        Ok(Scratch { ingest })
    }

    fn path(&self) -> PathBuf {
        self.ingest.path("files")
    }

    fn open(&self) -> Result<OwnedFd, Refusal> {
        let opened = openat(CWD, self.path(), DIRECTORY, Mode::empty());
        opened.map_err(|error| system("open a folder for what is copied", &error.into()))
    }
}
