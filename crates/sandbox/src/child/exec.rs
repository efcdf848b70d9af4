//! Finding the program and becoming it.

use crate::error::SandboxError;
use crate::system;
use rustix::fs::{FileType, Mode};
use rustix::io::Errno;
use std::ffi::CString;

/// Runs a program in the place of this one. Returns only if that failed.
pub(super) fn execute(argv: &[String], env: &[(String, String)]) -> SandboxError {
    let Some(name) = argv.first() else {
        return SandboxError::Refused {
            path: String::new(),
            expected: "a program".to_owned(),
            found: "nothing".to_owned(),
        };
    };
    let path = match find(name, env) {
        Ok(path) => path,
        Err(error) => return error,
    };
    let texts = |texts: Vec<String>| texts.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    let pairs = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (Ok(path), Ok(arguments), Ok(pairs)) = (CString::new(path), texts(argv.to_vec()), texts(pairs)) else {
        return SandboxError::Refused {
            path: name.clone(),
            expected: "arguments and variables without a zero byte".to_owned(),
            found: "one that has it".to_owned(),
        };
    };
    reason(name, system::execute(&path, &arguments, &pairs))
}

/// Looks a program up as a shell does.
fn find(name: &str, env: &[(String, String)]) -> Result<String, SandboxError> {
    let program = || name.to_owned();
    if name.contains('/') {
        return match usable(name) {
            Ok(()) => Ok(program()),
            Err(errno) => Err(reason(name, errno)),
        };
    }
    // The last of several variables with one name counts, as in a shell.
    let path = env
        .iter()
        .rev()
        .find(|(name, _)| name == "PATH")
        .map_or("", |(_, value)| value);
    let mut denied = false;
    for directory in path.split(':') {
        let directory = if directory.is_empty() { "." } else { directory };
        let candidate = format!("{directory}/{name}");
        match usable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(Errno::ACCESS) => denied = true,
            Err(_) => {}
        }
    }
    Err(if denied {
        SandboxError::Denied { program: program() }
    } else {
        SandboxError::NotFound { program: program() }
    })
}

/// Whether a path is a file that may be run, as far as one can tell without running it.
fn usable(path: &str) -> Result<(), Errno> {
    let stat = rustix::fs::stat(path)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let may_run = is_file && mode.intersects(Mode::XUSR | Mode::XGRP | Mode::XOTH);
    may_run.then_some(()).ok_or(Errno::ACCESS)
}

fn reason(name: &str, errno: Errno) -> SandboxError {
    let program = name.to_owned();
    match errno {
        Errno::NOENT | Errno::NOTDIR => SandboxError::Missing { program },
        Errno::ACCESS | Errno::PERM | Errno::ISDIR => SandboxError::Denied { program },
        Errno::NOEXEC => SandboxError::Format { program },
        errno => SandboxError::system(format!("exec {name:?}"), errno),
    }
}
