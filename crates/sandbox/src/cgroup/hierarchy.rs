//! Which control groups there are, and where this process may make some.

use std::fmt;
use std::fs;
use std::path::PathBuf;

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

    /// Where groups can be made for these controllers: directories that exist.
    pub(crate) fn places(&self, controllers: &[&str]) -> Vec<(Version, PathBuf)> {
        let mut places = Vec::new();
        for hierarchy in &self.all {
            match hierarchy.version {
                Version::One => {
                    let has = |name: &&str| hierarchy.controllers.iter().any(|controller| controller == *name);
                    if controllers.iter().any(has) {
                        places.push((Version::One, hierarchy.own_directory()));
                    }
                }
                Version::Two => places.extend(hierarchy.place_with(controllers).map(|place| (Version::Two, place))),
            }
        }
        places
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

    /// A group of version 2 either holds processes or hands its controllers down. So a sandbox's group lies beside this process's
    /// own, or in one of those above, as near as controllers can be had there.
    fn place_with(&self, controllers: &[&str]) -> Option<PathBuf> {
        let own = self.own_directory();
        let above: Vec<PathBuf> = own.ancestors().skip(1).map(PathBuf::from).collect();
        let mut candidates: Vec<PathBuf> = above.into_iter().filter(|path| path.starts_with(&self.mount)).collect();
        if candidates.is_empty() {
            candidates.push(self.mount.clone());
        }
        let offered = |path: &PathBuf, file: &str| -> Vec<String> {
            let text = fs::read_to_string(path.join(file)).unwrap_or_default();
            text.split_whitespace().map(str::to_owned).collect()
        };
        let available = offered(&self.mount, "cgroup.controllers");
        let wanted: Vec<&&str> = controllers
            .iter()
            .filter(|name| available.iter().any(|one| one == **name))
            .collect();
        let hands_down = |path: &PathBuf| {
            for name in &wanted {
                if !offered(path, "cgroup.subtree_control").iter().any(|one| one == **name) {
                    // Tried, not asked: who may do this depends on more than owners.
                    let _ = fs::write(path.join("cgroup.subtree_control"), format!("+{name}"));
                }
            }
            let has = offered(path, "cgroup.subtree_control");
            wanted.iter().all(|name| has.iter().any(|one| one == **name))
        };
        // What version 2 can do without a controller is worth a group for `freezer` only.
        let is_of_use = !wanted.is_empty() || controllers.contains(&"freezer");
        candidates.into_iter().find(|path| is_of_use && hands_down(path))
    }
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
