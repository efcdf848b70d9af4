//! What stands beside a snapshot's files: on which one it lies, and whether it can be trusted.

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The record of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The name of the snapshot it lies on.
    pub(super) parent: Option<String>,
    /// About how many bytes it takes.
    pub(super) bytes: u64,
    /// Where it was made.
    pub(super) here: Here,
}

/// What a snapshot belongs to: a start of the machine, and the users that its files' owners are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Here {
    boot: String,
    /// `/proc/self/uid_map`: in a user namespace the numbers on disk are others.
    users: String,
}

/// The name of the file.
pub(super) const RECORD: &str = "record.json";
const DURABLE: &str = "durable";

/// No record is longer, in bytes.
const MAX_RECORD: u64 = 1 << 16;

impl Here {
    /// This start of the machine, and the users of this process.
    pub(super) fn read() -> io::Result<Here> {
        let users = fs::read_to_string("/proc/self/uid_map")?;
        Ok(Here {
            boot: fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned(),
            users: users.split_whitespace().collect::<Vec<_>>().join(" "),
        })
    }
}

impl Record {
    /// The record in a snapshot's folder; `None` if there is none that can be understood.
    pub(super) fn read(folder: &Path) -> Option<Record> {
        let mut bytes = Vec::new();
        let file = File::open(folder.join(RECORD)).ok()?;
        file.take(MAX_RECORD).read_to_end(&mut bytes).ok()?;
        let mut record: Record = serde_json::from_slice(&bytes).ok()?;
        // A name that is no digest leads out of the folder.
        let is_name = |name: &String| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !record.parent.iter().all(is_name) {
            return None;
        }
        if folder.join(DURABLE).exists() {
            record.here.boot.clear();
        }
        Some(record)
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec(self).expect("texts and numbers have a JSON form");
        fs::write(folder.join(RECORD), bytes)
    }

    /// Whether everything that was written is there. An empty boot stands for every one.
    pub(super) fn is_trusted(&self, here: &Here) -> bool {
        self.here.users == here.users && (self.here.boot.is_empty() || self.here.boot == here.boot)
    }
}

/// Says that a snapshot survives a power cut.
pub(super) fn mark_durable(folder: &Path) -> io::Result<()> {
    File::create(folder.join(DURABLE)).map(drop)
}

/// Notes that a snapshot was used just now. One that is not noted is only removed earlier.
pub(super) fn touch(folder: &Path) {
    let file = File::options().append(true).open(folder.join(RECORD));
    let _ = file.and_then(|file| file.set_modified(std::time::SystemTime::now()));
}

/// When a snapshot was used last; `None` if it has no record.
pub(super) fn used(folder: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(folder.join(RECORD)).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_snapshot_of_another_start_is_trusted_only_if_it_is_marked() {
        let scratch = Scratch::new();
        let here = Here::read().unwrap();
        let then = Here {
            boot: "earlier".to_owned(),
            ..here.clone()
        };
        let record = |here: &Here| Record {
            parent: None,
            bytes: 1,
            here: here.clone(),
        };
        record(&here).write(scratch.dir()).unwrap();
        assert!(Record::read(scratch.dir()).unwrap().is_trusted(&here));
        record(&then).write(scratch.dir()).unwrap();
        assert!(!Record::read(scratch.dir()).unwrap().is_trusted(&here));
        mark_durable(scratch.dir()).unwrap();
        assert!(Record::read(scratch.dir()).unwrap().is_trusted(&here));
        let others = Here {
            users: "0 100000 65536".to_owned(),
            ..here.clone()
        };
        assert!(!Record::read(scratch.dir()).unwrap().is_trusted(&others));
    }

    #[test]
    fn a_parent_that_leads_out_of_the_folder_is_no_record() {
        let scratch = Scratch::new();
        let record = Record {
            parent: Some("../x".to_owned()),
            bytes: 1,
            here: Here::read().unwrap(),
        };
        record.write(scratch.dir()).unwrap();
        assert_eq!(Record::read(scratch.dir()), None);
    }
}
