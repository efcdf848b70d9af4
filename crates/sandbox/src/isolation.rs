//! What of the kernel's means is there, and what is used in the place of what is not.

use crate::cgroup::Hierarchies;
use std::fmt;
use std::path::PathBuf;

/// Where programs lie if `PATH` does not say.
const STANDARD_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What sandboxes are made with on this machine, and why. Its text is for a person: a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Who sandboxes' root is on the machine.
    pub root: RootIs,
    /// How layers are laid over each other.
    pub storage: Storage,
    /// Which control groups there are: their versions.
    pub cgroups: String,
    /// Whether memory, processors and processes can be limited.
    pub limits: Limiting,
    /// What connects [`crate::Network::Default`]; `None` if there is nothing, and the machine's network is used as it is.
    pub network_helper: Option<PathBuf>,
}

/// Who sandboxes' root is on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootIs {
    /// Root itself: capabilities, the filter of system calls and masks hold it, as with Docker.
    Root,
    /// An ordinary user, through a user namespace.
    User,
    /// Nobody yet: [`crate::enter_user_namespace`] comes first.
    NotYet,
}

/// How layers are laid over each other.
///
/// `fuse-overlayfs` has no part in it: every kernel that the rest of this crate works on lets user namespaces mount overlays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// By the kernel's overlayfs, with marks that only root can write.
    Overlay,
    /// By the kernel's overlayfs, with marks in attributes that users may write.
    OverlayUserAttributes,
    /// Not at all: the kernel has no overlayfs (or its module is not loaded yet).
    None,
}

/// Whether memory, processors and processes can be limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limiting {
    /// By these controllers.
    By(Vec<String>),
    /// Not at all, since no group can be made.
    Not,
}

impl Isolation {
    /// Looks at the machine. Whatever it finds, it does not fail.
    pub fn detect() -> Self {
        let is_inside = in_user_namespace();
        let root = match rustix::thread::capabilities(None) {
            Ok(own) if own.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN) => {
                if is_inside {
                    RootIs::User
                } else {
                    RootIs::Root
                }
            }
            _ => RootIs::NotYet,
        };
        let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
        let has_overlay = known
            .lines()
            .any(|line| line.split_whitespace().next_back() == Some("overlay"));
        let storage = match (has_overlay, root) {
            (false, _) => Storage::None,
            (true, RootIs::Root) => Storage::Overlay,
            (true, _) => Storage::OverlayUserAttributes,
        };
        let hierarchies = Hierarchies::read();
        let controllers: Vec<String> = match root {
            RootIs::NotYet => Vec::new(),
            _ => ["memory", "cpu", "pids"]
                .iter()
                .filter(|name| hierarchies.offer(name))
                .map(|name| (*name).to_owned())
                .collect(),
        };
        Self {
            root,
            storage,
            cgroups: hierarchies.to_string(),
            limits: if controllers.is_empty() {
                Limiting::Not
            } else {
                Limiting::By(controllers)
            },
            network_helper: find_program("slirp4netns"),
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = match self.root {
            RootIs::Root => "namespaces, root is the machine's root",
            RootIs::User => "namespaces in a user namespace, root is an ordinary user",
            RootIs::NotYet => "none yet, a user namespace has to be entered first",
        };
        writeln!(f, "isolation: {root}")?;
        let storage = match self.storage {
            Storage::Overlay => "overlayfs of the kernel",
            Storage::OverlayUserAttributes => "overlayfs of the kernel, with user attributes",
            Storage::None => "none, the kernel does not know overlayfs",
        };
        writeln!(f, "storage: {storage}")?;
        write!(f, "cgroups: {}, ", self.cgroups)?;
        match &self.limits {
            Limiting::By(controllers) => writeln!(f, "limits by {}", controllers.join(", "))?,
            Limiting::Not => writeln!(f, "no limits, since no group can be made")?,
        }
        match &self.network_helper {
            Some(program) => write!(f, "network: {}", program.display()),
            None => write!(f, "network: the machine's, since slirp4netns is not installed"),
        }
    }
}

/// Whether this process is in a user namespace that the machine's first processes are not in.
pub(crate) fn in_user_namespace() -> bool {
    // The first namespace maps every number to itself.
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// Looks a program of the machine up.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_else(|_| STANDARD_PATH.to_owned());
    let candidates = path.split(':').filter(|directory| directory.starts_with('/'));
    candidates
        .map(|directory| PathBuf::from(directory).join(name))
        .find(|file| rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_said_a_line_each() {
        let isolation = Isolation {
            root: RootIs::User,
            storage: Storage::OverlayUserAttributes,
            cgroups: "version 1".to_owned(),
            limits: Limiting::Not,
            network_helper: None,
        };
        let expected = "isolation: namespaces in a user namespace, root is an ordinary user\n\
                        storage: overlayfs of the kernel, with user attributes\n\
                        cgroups: version 1, no limits, since no group can be made\n\
                        network: the machine's, since slirp4netns is not installed";
        assert_eq!(isolation.to_string(), expected);
    }

    #[test]
    fn a_program_is_found_where_it_lies() {
        assert_eq!(find_program("sh").map(|path| path.ends_with("sh")), Some(true));
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
