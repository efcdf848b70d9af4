//! The commands as data: names, arguments, flags, and what the help says of them.
//!
//! Parsing, help and completion all read this table; none of them knows a command by name.

mod build;
mod container;
mod image;
mod machine;
mod registry;
mod run;
mod spec;

pub use spec::{Arguments, Effect, Flag, Kind, Order, Spec, Takes, Verb};

/// The version of Docker whose command line this follows.
pub const VERSION: &str = "28.2.2";

/// Every command.
pub fn commands() -> impl Iterator<Item = &'static Spec> {
    let groups = [
        image::IMAGE,
        registry::REGISTRY,
        build::BUILDING,
        run::RUNNING,
        container::CONTAINER,
        machine::MACHINE,
    ];
    groups.into_iter().flatten()
}

/// The words that gather commands under them, and what each is for.
pub const GROUPS: &[(&str, &str)] = &[
    ("builder", "Manage builds"),
    ("buildx", "Extended build capabilities with BuildKit"),
    ("container", "Manage containers"),
    ("image", "Manage images"),
    ("network", "Manage networks"),
    ("system", "Manage Docker"),
    ("volume", "Manage volumes"),
];

/// The commands that the help lists first, in this order.
pub const COMMON: &[&str] = &[
    "run", "exec", "ps", "build", "pull", "push", "images", "login", "logout", "search", "version", "info",
];

/// What stands before the command.
pub const GLOBAL: &[Flag] = GLOBAL_FLAGS;

spec::flags! { GLOBAL_FLAGS:
    "" "config" Text "~/.docker" "Location of client config files" idle;
    "c" "context" Text "" "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with \"docker context use\")" idle;
    "D" "debug" Switch "" "Enable debug mode" idle;
    "H" "host" List "" "Daemon socket to connect to" idle;
    "l" "log-level" Text "info" "Set the logging level (\"debug\", \"info\", \"warn\", \"error\", \"fatal\")" idle;
    "" "tls" Switch "" "Use TLS; implied by --tlsverify" idle;
    "" "tlscacert" Text "~/.docker/ca.pem" "Trust certs signed only by this CA" idle;
    "" "tlscert" Text "~/.docker/cert.pem" "Path to TLS certificate file" idle;
    "" "tlskey" Text "~/.docker/key.pem" "Path to TLS key file" idle;
    "" "tlsverify" Switch "" "Use TLS and verify the remote" idle;
    "v" "version" Switch "" "Print version information and quit";
}

/// The command called by `name`, without `docker`: `image ls`.
pub fn find(name: &str) -> Option<&'static Spec> {
    commands().find(|spec| spec.names.contains(&name))
}

/// What a group is for.
pub fn group(name: &str) -> Option<&'static str> {
    GROUPS.iter().find(|(group, _)| *group == name).map(|(_, about)| *about)
}

/// The commands of a group, or those outside every group if it is empty: the last word and what it is for, by name. Other names of the
/// same command in the same group are left out, as Docker's help has it.
pub fn members(group: &str) -> Vec<(&'static str, &'static Spec)> {
    let mut found: Vec<(&str, &Spec)> = commands()
        .filter_map(|spec| {
            let mut names = spec
                .names
                .iter()
                .map(|name| name.rsplit_once(' ').unwrap_or(("", name)));
            names.find(|(of, _)| *of == group).map(|(_, word)| (word, spec))
        })
        .collect();
    found.sort_unstable_by_key(|(word, _)| *word);
    found
}

impl Spec {
    /// Its flags by long name.
    pub fn all_flags(&self) -> Vec<&'static Flag> {
        let mut flags: Vec<&Flag> = self.flags.iter().copied().flatten().collect();
        flags.sort_unstable_by_key(|flag| flag.long);
        flags
    }

    /// The flag of this long name.
    pub fn long(&self, name: &str) -> Option<&'static Flag> {
        self.flags.iter().copied().flatten().find(|flag| flag.long == name)
    }

    /// The flag of this letter.
    pub fn short(&self, letter: char) -> Option<&'static Flag> {
        let mut buffer = [0; 4];
        let text: &str = letter.encode_utf8(&mut buffer);
        self.flags.iter().copied().flatten().find(|flag| flag.short == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_and_no_flag_is_there_twice() {
        let mut names = BTreeSet::new();
        for spec in commands() {
            for name in spec.names {
                assert!(names.insert(*name), "{name} is there twice");
                if let Some((of, _)) = name.rsplit_once(' ') {
                    assert!(group(of).is_some(), "{name} is of no group");
                }
            }
            let (mut longs, mut shorts) = (BTreeSet::new(), BTreeSet::new());
            for flag in spec.all_flags() {
                assert!(longs.insert(flag.long), "{}: --{} twice", spec.names[0], flag.long);
                assert!(
                    flag.short.is_empty() || shorts.insert(flag.short),
                    "{}: -{}",
                    spec.names[0],
                    flag.short
                );
                assert!(flag.short.chars().count() <= 1);
            }
        }
    }

    #[test]
    fn what_is_common_exists() {
        for name in COMMON {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_group_lists_each_command_once() {
        let words: Vec<&str> = members("image").into_iter().map(|(word, _)| word).collect();
        let expected = [
            "build", "history", "import", "inspect", "load", "ls", "prune", "pull", "push", "rm", "save", "tag",
        ];
        assert_eq!(words, expected);
    }
}
