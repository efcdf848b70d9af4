//! Which control groups there are, and where this process may make some.

use crate::error::{Doing as _, SandboxError};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Of the kernel's two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// All hierarchies that are mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hierarchies {
    all: Vec<Hierarchy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hierarchy {
    version: Version,
    /// None for version 2, which has a file for them.
    controllers: Vec<String>,
    /// Where it is mounted.
    mount: PathBuf,
    /// What of it is mounted there.
    root: String,
    /// This process's own group.
    own: String,
}

impl Hierarchies {
    /// Those of this process.
    pub(crate) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&text("/proc/self/mountinfo"), &text("/proc/self/cgroup"))
    }

    fn parse(mounts: &str, own: &str) -> Self {
        let all = mounts.lines().filter_map(|line| Hierarchy::parse(line, own)).collect();
        Self { all }
    }

    /// Whether a group with this controller can be made. Changes nothing.
    pub(crate) fn offer(&self, controller: &str) -> bool {
        self.all.iter().any(|hierarchy| hierarchy.offers(controller))
    }

    /// Whether there is nothing but version 2.
    pub(crate) fn is_version_2_alone(&self) -> bool {
        !self.all.is_empty() && self.all.iter().all(|hierarchy| hierarchy.version == Version::Two)
    }

    /// Where groups can be made for these controllers: directories that exist.
    pub(crate) fn places(&self, controllers: &[&str]) -> Vec<(Version, PathBuf)> {
        let place = |hierarchy: &Hierarchy| match hierarchy.version {
            Version::One => hierarchy.has_any(controllers).then(|| hierarchy.own_directory()),
            Version::Two => hierarchy.place_with(controllers),
        };
        let places = self.all.iter();
        places
            .filter_map(|hierarchy| Some((hierarchy.version, place(hierarchy)?)))
            .collect()
    }

    /// The directories of a group below which others are to lie, made where they are not there.
    ///
    /// # Errors
    ///
    /// [`SandboxError::System`] if one cannot be made, [`SandboxError::Refused`] if there are no hierarchies.
    pub(crate) fn places_below(
        &self,
        parent: &str,
        controllers: &[&str],
    ) -> Result<Vec<(Version, PathBuf)>, SandboxError> {
        let of_use = |hierarchy: &&Hierarchy| hierarchy.version == Version::Two || hierarchy.has_any(controllers);
        let make = |hierarchy: &Hierarchy| {
            let place = hierarchy.below(parent);
            fs::create_dir_all(&place).doing_with(|| format!("make {}", place.display()))?;
            if hierarchy.version == Version::Two {
                let ancestors: Vec<&Path> = place
                    .ancestors()
                    .take_while(|path| path.starts_with(&hierarchy.mount))
                    .collect();
                for directory in ancestors.into_iter().rev() {
                    hand_down(directory, controllers);
                }
            }
            Ok((hierarchy.version, place))
        };
        if self.all.is_empty() {
            return Err(SandboxError::Refused {
                path: parent.to_owned(),
                expected: "a machine with control groups".to_owned(),
                found: "none mounted".to_owned(),
            });
        }
        self.all.iter().filter(of_use).map(make).collect()
    }
}

impl Hierarchy {
    /// `line` as in `30 23 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory`.
    fn parse(line: &str, own: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut words = before.split(' ').skip(3);
        let (root, mount) = (words.next()?.to_owned(), PathBuf::from(words.next()?));
        let mut words = after.split(' ');
        let version = match words.next()? {
            "cgroup" => Version::One,
            "cgroup2" => Version::Two,
            _ => return None,
        };
        let options: Vec<&str> = words.nth(1)?.split(',').collect();
        // Lines as `4:memory:/path`, and `0::/path` for version 2.
        let own = own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (names, path) = (parts.next()?, parts.next()?);
            let is_it = match version {
                Version::Two => names.is_empty(),
                Version::One => !names.is_empty() && names.split(',').all(|name| options.contains(&name)),
            };
            is_it.then(|| path.to_owned())
        })?;
        let controllers = match version {
            Version::One => options.into_iter().map(str::to_owned).collect(),
            Version::Two => Vec::new(),
        };
        Some(Self {
            version,
            controllers,
            mount,
            root,
            own,
        })
    }

    fn own_directory(&self) -> PathBuf {
        let below = self.own.strip_prefix(self.root.trim_end_matches('/')).unwrap_or("/");
        self.mount.join(below.trim_start_matches('/'))
    }

    /// Whether it is one of version 1 with one of these controllers.
    fn has_any(&self, controllers: &[&str]) -> bool {
        self.controllers.iter().any(|name| controllers.contains(&name.as_str()))
    }

    /// Where a group lies that is named from the top, or from where groups are made.
    fn below(&self, group: &str) -> PathBuf {
        let top = match (group.starts_with('/'), self.version) {
            (true, _) => self.mount.clone(),
            (false, Version::One) => self.own_directory(),
            (false, Version::Two) => self.candidates().swap_remove(0),
        };
        top.join(group.trim_start_matches('/'))
    }

    /// A group of version 2 either holds processes or hands its controllers down. So a sandbox's group lies beside this process's
    /// own, or in one of those above; the nearest first.
    fn candidates(&self) -> Vec<PathBuf> {
        let own = self.own_directory();
        let above = own.ancestors().skip(1).filter(|path| path.starts_with(&self.mount));
        let mut candidates: Vec<PathBuf> = above.map(PathBuf::from).collect();
        if candidates.is_empty() {
            candidates.push(self.mount.clone());
        }
        candidates
    }

    /// The place that has most of these controllers, which are switched on there where that is allowed.
    fn place_with(&self, controllers: &[&str]) -> Option<PathBuf> {
        let n_handed_down = |path: &PathBuf| hand_down(path, controllers);
        let counted = self.candidates().into_iter().filter(|path| is_writable(path));
        let counted: Vec<(usize, PathBuf)> = counted.map(|path| (n_handed_down(&path), path)).collect();
        let most = counted.iter().map(|(count, _)| *count).max()?;
        // What version 2 can do without a controller is worth a group for `freezer` only.
        if most == 0 && !controllers.contains(&"freezer") {
            return None;
        }
        counted
            .into_iter()
            .find(|(count, _)| *count == most)
            .map(|(_, path)| path)
    }

    /// Whether a group with this controller can be made, as far as one can tell without making it.
    fn offers(&self, controller: &str) -> bool {
        match self.version {
            Version::One => {
                self.controllers.iter().any(|name| name == controller) && is_writable(&self.own_directory())
            }
            Version::Two => {
                let has =
                    |path: &PathBuf| is_writable(path) && names(&path.join("cgroup.controllers")).contains(controller);
                self.candidates().iter().any(has)
            }
        }
    }
}

/// Switches these controllers on for the groups below one of version 2, where that is allowed; says how many are on.
fn hand_down(directory: &Path, controllers: &[&str]) -> usize {
    let offered = names(&directory.join("cgroup.controllers"));
    let file = directory.join("cgroup.subtree_control");
    for name in controllers.iter().filter(|name| offered.contains(**name)) {
        if !names(&file).contains(*name) {
            // Tried, not asked: who may do this depends on more than owners.
            let _ = fs::write(&file, format!("+{name}"));
        }
    }
    let handed_down = names(&file);
    controllers.iter().filter(|name| handed_down.contains(**name)).count()
}

fn is_writable(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_ok()
}

/// The words of a file; none if it cannot be read.
fn names(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

impl fmt::Display for Hierarchies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |version| self.all.iter().any(|hierarchy| hierarchy.version == version);
        f.write_str(match (has(Version::One), has(Version::Two)) {
            (true, true) => "hybrid (version 1 with version 2 beside it)",
            (true, false) => "version 1",
            (false, true) => "version 2",
            (false, false) => "none",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                          31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                          32 23 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
                          33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                          34 23 0:30 / /tmp rw - tmpfs tmpfs rw\n";
    const OWN: &str = "4:memory:/a\n3:cpu,cpuacct:/\n2:name=systemd:/s\n0::/u\n";

    #[test]
    fn version_1_makes_groups_below_the_own_one_of_each_controller() {
        let found = Hierarchies::parse(HYBRID, OWN);
        assert_eq!(found.to_string(), "hybrid (version 1 with version 2 beside it)");
        let place = |path: &str| (Version::One, PathBuf::from(path));
        assert_eq!(
            found.places(&["memory", "cpu"]),
            [place("/sys/fs/cgroup/memory/a"), place("/sys/fs/cgroup/cpu,cpuacct")]
        );
    }

    #[test]
    fn version_2_makes_groups_where_most_controllers_are_handed_down() {
        let mount = std::env::temp_dir().join(format!("hierarchy-{}", std::process::id()));
        let put = |path: &str, offered: &str, handed_down: &str| {
            fs::create_dir_all(mount.join(path)).unwrap();
            fs::write(mount.join(path).join("cgroup.controllers"), offered).unwrap();
            fs::write(mount.join(path).join("cgroup.subtree_control"), handed_down).unwrap();
        };
        put("", "cpu memory pids", "memory pids");
        put("user", "memory pids", "pids");
        put("user/own", "pids", "");
        let mounts = format!("33 23 0:29 / {} rw - cgroup2 cgroup2 rw\n", mount.display());
        let found = Hierarchies::parse(&mounts, "0::/user/own\n");
        let place = |controllers: &[&str]| found.places(controllers).pop().map(|(_, place)| place);
        assert_eq!(place(&["pids"]), Some(mount.join("user")));
        assert_eq!(place(&["freezer"]), Some(mount.join("user")), "it needs no controller");
        assert!(found.offer("cpu") && !found.offer("io") && found.is_version_2_alone());
        assert_eq!(place(&["io"]), None);
        // The file stands for the kernel's, which would switch it on: here it is what is written.
        assert_eq!(place(&["memory", "pids"]), Some(mount.clone()));
        let asked = fs::read_to_string(mount.join("user/cgroup.subtree_control")).unwrap();
        assert!(asked.starts_with('+'), "{asked}");
        fs::remove_dir_all(&mount).unwrap();
    }

    #[test]
    fn a_parent_lies_below_the_top_or_below_where_groups_are_made() {
        let found = Hierarchies::parse(HYBRID, OWN);
        let below = |parent: &str| -> Vec<PathBuf> { found.all.iter().map(|one| one.below(parent)).collect() };
        let paths = |paths: [&str; 4]| paths.map(|path| PathBuf::from(format!("/sys/fs/cgroup/{path}")));
        assert_eq!(
            below("/p/q"),
            paths(["memory/p/q", "cpu,cpuacct/p/q", "systemd/p/q", "unified/p/q"])
        );
        // Version 2 has it beside the own group, which holds processes.
        assert_eq!(
            below("p"),
            paths(["memory/a/p", "cpu,cpuacct/p", "systemd/s/p", "unified/p"])
        );
    }

    #[test]
    fn what_of_a_hierarchy_is_mounted_is_taken_into_account() {
        let mounts = "30 23 0:26 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let found = Hierarchies::parse(mounts, "4:memory:/docker/1/b\n");
        assert_eq!(
            found.places(&["memory"]),
            [(Version::One, PathBuf::from("/sys/fs/cgroup/memory/b"))]
        );
        assert_eq!(Hierarchies::parse("", "").to_string(), "none");
    }
}
