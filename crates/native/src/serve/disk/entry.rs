//! An entry of the journal: a change, perhaps the bytes of the blob it names, and a checksum.

use oci::{AnyDigest, Digest};
use registry::{Change, ManifestRecord};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// No entry is longer: a manifest has at most 4 MiB, and so have its tags.
const MAX_BYTES: usize = 16 << 20;

/// Length of all that follows it, and the first half of its digest.
const HEAD_BYTES: usize = 4 + CHECK_BYTES;

const CHECK_BYTES: usize = 16;

/// [`Change`] as it is written, with short names for what stands in each entry.
#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Written {
    AddRepository {
        #[serde(rename = "in")]
        repository: String,
    },
    AddBlob {
        #[serde(rename = "in")]
        repository: String,
        name: AnyDigest,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Digest>,
    },
    RemoveBlob {
        #[serde(rename = "in")]
        repository: String,
        name: AnyDigest,
    },
    PutManifest {
        #[serde(rename = "in")]
        repository: String,
        name: AnyDigest,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Digest>,
        size: u64,
        media_type: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<AnyDigest>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
    },
    RemoveManifest {
        #[serde(rename = "in")]
        repository: String,
        name: AnyDigest,
    },
    RemoveTag {
        #[serde(rename = "in")]
        repository: String,
        tag: String,
    },
    /// The last entry of a snapshot.
    End {},
}

/// What stands in an entry.
#[expect(
    clippy::large_enum_variant,
    reason = "one is there at a time, and it is nearly always the large one"
)]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A change, and the bytes that it names.
    Change(Change, Option<Vec<u8>>),
    /// The end of a snapshot.
    End,
}

/// An entry as bytes.
pub(super) fn encode(change: &Change, bytes: Option<&[u8]>) -> Vec<u8> {
    encode_written(&write(change), bytes.unwrap_or_default())
}

/// The last entry of a snapshot.
pub(super) fn encode_end() -> Vec<u8> {
    encode_written(&Written::End {}, &[])
}

/// Reads the next entry; `None` where there is no whole one.
///
/// # Errors
///
/// If `source` fails, or a whole entry says what no version of ours wrote.
pub(super) fn decode(source: &mut dyn Read) -> io::Result<Option<Entry>> {
    let mut head = [0; HEAD_BYTES];
    if !fill(source, &mut head)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if !(4..=MAX_BYTES).contains(&length) {
        return Ok(None);
    }
    let mut body = vec![0; length];
    if !fill(source, &mut body)? || check(&body) != head[4..] {
        return Ok(None);
    }
    let text_bytes = u32::from_le_bytes([body[0], body[1], body[2], body[3]]) as usize;
    let (text, bytes) = body[4..]
        .split_at_checked(text_bytes)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an entry longer than itself"))?;
    let written: Written = serde_json::from_slice(text)?;
    let bytes = (!bytes.is_empty()).then(|| bytes.to_vec());
    let read =
        read(written, bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an entry of no content"))?;
    Ok(Some(read))
}

fn encode_written(written: &Written, bytes: &[u8]) -> Vec<u8> {
    let text = serde_json::to_vec(written).expect("texts and numbers are JSON");
    let mut entry = vec![0; HEAD_BYTES];
    entry.extend_from_slice(&(text.len() as u32).to_le_bytes());
    entry.extend_from_slice(&text);
    entry.extend_from_slice(bytes);
    let (head, body) = entry.split_at_mut(HEAD_BYTES);
    head[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
    head[4..].copy_from_slice(&check(body));
    entry
}

fn check(body: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&Digest::of(body).as_bytes()[..CHECK_BYTES]);
    check
}

/// Fills `into`; false if there is less.
fn fill(source: &mut dyn Read, into: &mut [u8]) -> io::Result<bool> {
    match source.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn write(change: &Change) -> Written {
    let differs = |name: &AnyDigest, content: &Digest| (*name != AnyDigest::from(*content)).then_some(*content);
    match change.clone() {
        Change::AddRepository { repository } => Written::AddRepository { repository },
        Change::AddBlob {
            repository,
            name,
            content,
        } => Written::AddBlob {
            repository,
            name,
            content: differs(&name, &content),
        },
        Change::RemoveBlob { repository, name } => Written::RemoveBlob { repository, name },
        Change::PutManifest {
            repository,
            name,
            record,
            tags,
        } => Written::PutManifest {
            repository,
            name,
            content: differs(&name, &record.content),
            size: record.size,
            media_type: record.media_type,
            subject: record.subject,
            tags,
        },
        Change::RemoveManifest { repository, name } => Written::RemoveManifest { repository, name },
        Change::RemoveTag { repository, tag } => Written::RemoveTag { repository, tag },
    }
}

fn read(written: Written, bytes: Option<Vec<u8>>) -> Option<Entry> {
    // A name by SHA-256 is where the bytes are; only the other names say it beside.
    let place = |name: &AnyDigest, content: Option<Digest>| match (content, name) {
        (Some(content), _) => Some(content),
        (None, AnyDigest::Sha256(content)) => Some(*content),
        (None, AnyDigest::Sha512(_)) => None,
    };
    let change = match written {
        Written::AddRepository { repository } => Change::AddRepository { repository },
        Written::AddBlob {
            repository,
            name,
            content,
        } => Change::AddBlob {
            repository,
            name,
            content: place(&name, content)?,
        },
        Written::RemoveBlob { repository, name } => Change::RemoveBlob { repository, name },
        Written::PutManifest {
            repository,
            name,
            content,
            size,
            media_type,
            subject,
            tags,
        } => Change::PutManifest {
            repository,
            name,
            record: ManifestRecord {
                content: place(&name, content)?,
                size,
                media_type,
                subject,
            },
            tags,
        },
        Written::RemoveManifest { repository, name } => Change::RemoveManifest { repository, name },
        Written::RemoveTag { repository, tag } => Change::RemoveTag { repository, tag },
        Written::End {} => return Some(Entry::End),
    };
    Some(Entry::Change(change, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> Vec<Change> {
        let digest = Digest::of(b"x");
        let record = |subject| ManifestRecord {
            content: digest,
            size: 1,
            media_type: "a/b".to_owned(),
            subject,
        };
        let repository = || "a/b".to_owned();
        let name = AnyDigest::from(digest);
        vec![
            Change::AddRepository {
                repository: repository(),
            },
            Change::AddBlob {
                repository: repository(),
                name,
                content: digest,
            },
            Change::AddBlob {
                repository: repository(),
                name: AnyDigest::sha512(b"x"),
                content: digest,
            },
            Change::RemoveBlob {
                repository: repository(),
                name,
            },
            Change::PutManifest {
                repository: repository(),
                name,
                record: record(None),
                tags: vec![],
            },
            Change::PutManifest {
                repository: repository(),
                name: AnyDigest::sha512(b"x"),
                record: record(Some(name)),
                tags: vec!["v1".to_owned(), "v2".to_owned()],
            },
            Change::RemoveManifest {
                repository: repository(),
                name,
            },
            Change::RemoveTag {
                repository: repository(),
                tag: "v1".to_owned(),
            },
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut file = Vec::new();
        for change in changes() {
            file.extend(encode(&change, Some(b"x")));
            file.extend(encode(&change, None));
        }
        file.extend(encode_end());
        let mut rest = file.as_slice();
        for change in changes() {
            let with = Entry::Change(change.clone(), Some(b"x".to_vec()));
            assert_eq!(decode(&mut rest).unwrap(), Some(with));
            assert_eq!(decode(&mut rest).unwrap(), Some(Entry::Change(change, None)));
        }
        assert_eq!(decode(&mut rest).unwrap(), Some(Entry::End));
        assert_eq!(decode(&mut rest).unwrap(), None);
    }

    #[test]
    fn an_entry_that_was_cut_or_changed_anywhere_is_none() {
        let entry = encode(&changes()[1], Some(b"hello"));
        for at in 0..entry.len() {
            assert_eq!(decode(&mut &entry[..at]).unwrap(), None, "cut at {at}");
            let mut changed = entry.clone();
            changed[at] ^= 0x10;
            assert_eq!(decode(&mut changed.as_slice()).unwrap(), None, "changed at {at}");
        }
    }
}
