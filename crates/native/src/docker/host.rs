//! The machine that a command is typed on, natively: real files, the process's environment and streams.

use super::PROGRAM;
use crate::atomic::Pending;
use crate::net::ask_helper;
use cli::docker::{Helped, Host, Input};
use cli::program::Program;
use engine::HostFiles;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use store::{Content, Meta, Node, Time};

/// This process and its files.
pub(super) struct Here {
    pub(super) files: HereFiles,
}

impl Host for Here {
    fn files(&mut self) -> &mut dyn HostFiles {
        &mut self.files
    }

    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn platform(&self) -> &'static str {
        "Layerlab"
    }

    fn cwd(&self) -> String {
        // One that was removed while we were in it has no name; nothing below it has one either.
        let found = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        found.to_string_lossy().into_owned()
    }

    fn variable(&self, name: &str) -> Option<String> {
        let set = std::env::var(name).ok();
        set.or_else(|| (name == "HOSTNAME").then(hostname))
    }

    fn stdin(&mut self) -> Input {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            Input::Terminal
        } else {
            Input::Stream(Box::new(BufReader::new(stdin)))
        }
    }

    fn writes_to_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    fn runs_for_real(&self) -> bool {
        true
    }

    fn progress(&mut self) -> Option<Box<dyn Write>> {
        Some(Box::new(io::stdout()))
    }

    fn redraws(&self) -> bool {
        io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|terminal| terminal != "dumb")
    }

    fn ask_helper(&mut self, name: &str, action: &str, input: &str) -> Option<io::Result<Helped>> {
        Some(ask_helper(name, action, input))
    }

    fn open(&mut self, path: &str) -> Option<io::Result<Box<dyn BufRead>>> {
        Some(open(Path::new(path)))
    }

    fn create(&mut self, path: &str, mode: u32) -> Option<io::Result<Box<dyn Write>>> {
        Some(create(Path::new(path), mode))
    }
}

fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim_end().to_owned()
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

fn create(path: &Path, mode: u32) -> io::Result<Box<dyn Write>> {
    // A link stays one, and a device is written, not replaced.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&place) {
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(Box::new(File::options().write(true).open(&place)?)),
        _ => {
            // A folder that holds settings is made with them.
            if let Some(folder) = place.parent().filter(|folder| folder.ends_with(".docker")) {
                fs::create_dir_all(folder)?;
            }
            let pending = Pending::create_as(&place, mode)?;
            Ok(Box::new(Whole(Some(BufWriter::with_capacity(1 << 16, pending)))))
        }
    }
}

/// A file that takes its place when it is flushed, and goes away if it never is.
struct Whole(Option<BufWriter<Pending>>);

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(file) => file.write(bytes),
            None => Err(io::Error::other("the file is in its place already")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.take() {
            Some(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.finish(),
            None => Ok(()),
        }
    }
}

/// What stands at paths. What a file holds is not told here: [`Host::open`] reads it.
pub(super) struct HereFiles;

impl HostFiles for HereFiles {
    fn get(&mut self, path: &str) -> Option<Node> {
        let found = fs::metadata(path).ok()?;
        let meta = Meta {
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
            mtime: Time {
                secs: found.mtime(),
                nanos: found.mtime_nsec() as u32,
            },
            ..Meta::default()
        };
        Some(if found.is_dir() {
            Node::dir(meta)
        } else {
            Node::file(meta, Content::Absent { size: found.len() })
        })
    }

    fn put(&mut self, _: &str, _: Node) -> Result<(), String> {
        Err("operation not supported".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_file_takes_its_place_when_it_is_whole() {
        let scratch = Scratch::new();
        let place = scratch.write("out", "old");
        let mut file = create(&place, 0o600).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&place).unwrap(), b"old");
        let mut file = create(&place, 0o600).unwrap();
        file.write_all(b"new").unwrap();
        file.flush().unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"new");
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let scratch = Scratch::new();
        let place = scratch.write("real", "old");
        std::os::unix::fs::symlink(&place, scratch.path("link")).unwrap();
        let mut file = create(&scratch.path("link"), 0o644).unwrap();
        file.write_all(b"new").unwrap();
        file.flush().unwrap();
        assert!(scratch.path("link").is_symlink());
        assert_eq!(fs::read(&place).unwrap(), b"new");
        create(Path::new("/dev/null"), 0o644)
            .unwrap()
            .write_all(b"gone")
            .unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_folder_is_no_file() {
        let scratch = Scratch::new();
        assert!(open(scratch.dir()).is_err_and(|error| error.kind() == io::ErrorKind::IsADirectory));
        assert!(create(scratch.dir(), 0o644).is_err());
    }
}
