//! Who somebody is on a machine, and what that allows.

use crate::machine::Machine;
use store::{BlobStore, Meta};

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
    /// Every group it is in.
    groups: Vec<u32>,
}

/// What somebody wants to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Person {
    /// The account of a name or a number; whoever has none is nobody.
    pub(crate) fn of(machine: &Machine, name: &str, blobs: &dyn BlobStore) -> Person {
        let name = if name.is_empty() { "root" } else { name };
        let accounts = machine.text("/etc/passwd", blobs).unwrap_or_default();
        let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let found = fields
            .filter(|fields| fields.len() >= 6)
            .find(|fields| fields[0] == name || fields[2] == name);
        let Some(fields) = found else {
            let uid = name.parse().unwrap_or(if name == "root" { 0 } else { 65534 });
            return Person {
                uid,
                gid: uid,
                home: "/".to_owned(),
                groups: vec![uid],
            };
        };
        let gid = fields[3].parse().unwrap_or(65534);
        let groups = machine.text("/etc/group", blobs).unwrap_or_default();
        let of_groups = groups.lines().filter_map(|line| {
            let group: Vec<&str> = line.split(':').collect();
            let is_in = group.len() >= 4 && group[3].split(',').any(|member| member == fields[0]);
            is_in.then(|| group[2].parse().ok()).flatten()
        });
        Person {
            uid: fields[2].parse().unwrap_or(65534),
            gid,
            home: fields[5].to_owned(),
            groups: std::iter::once(gid).chain(of_groups).collect(),
        }
    }

    /// Whether the permission bits of a file let it.
    pub(crate) fn may(&self, meta: &Meta, access: Access) -> bool {
        let bit = match access {
            Access::Read => 4,
            Access::Write => 2,
        };
        if self.uid == 0 {
            return true;
        }
        let shift = if self.uid == meta.uid {
            6
        } else if self.groups.contains(&meta.gid) {
            3
        } else {
            0
        };
        (meta.mode >> shift) & bit != 0
    }
}
