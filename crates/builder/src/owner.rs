//! Who `--chown` and USER mean: numbers, or names in the filesystem's own `/etc/passwd` and `/etc/group`.

use crate::copy::CopyError;
use planner::{Id, Owner};
use store::{BlobStore, Content, Follow, Node, Tree};

/// A user's and a group's number.
pub(crate) type Ids = (u32, u32);

/// The numbers `owner` means on `rootfs`, which is `None` where the build starts from nothing.
///
/// A number alone is its group's number too; a name alone brings its primary group; an unknown name is 0, silently.
///
/// # Errors
///
/// [`CopyError::NoUsers`] for a name where there is no filesystem to look it up in.
///
/// Source: BuildKit, `solver/llbsolver/file/user_linux.go`.
pub(crate) fn ids(owner: &Owner, rootfs: Option<&Tree>, blobs: &dyn BlobStore) -> Result<Ids, CopyError> {
    let (uid, own_gid) = match &owner.user {
        Id::Number(number) => (*number, *number),
        Id::Name(name) => {
            let passwd = text(rootfs.ok_or(CopyError::NoUsers)?, "/etc/passwd", blobs)?;
            let line = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
            let mut found = line.filter(|fields| fields.first() == Some(&name.as_str()));
            found
                .next()
                .map_or((0, 0), |fields| (number(&fields, 2), number(&fields, 3)))
        }
    };
    let gid = match &owner.group {
        None => own_gid,
        Some(Id::Number(number)) => *number,
        Some(Id::Name(name)) => {
            let group = text(rootfs.ok_or(CopyError::NoUsers)?, "/etc/group", blobs)?;
            let line = group.lines().map(|line| line.split(':').collect::<Vec<_>>());
            let mut found = line.filter(|fields| fields.first() == Some(&name.as_str()));
            // An unknown group leaves what the user brought.
            found.next().map_or(own_gid, |fields| number(&fields, 2))
        }
    };
    Ok((uid, gid))
}

fn number(fields: &[&str], at: usize) -> u32 {
    fields.get(at).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// A small text file of the filesystem; empty if it is not there or has no bytes.
fn text(tree: &Tree, path: &str, blobs: &dyn BlobStore) -> Result<String, CopyError> {
    let node = tree
        .resolve(path, Follow::Last)
        .ok()
        .and_then(|path| tree.get(&path).cloned());
    match node {
        Some(Node::File(file)) => match file.content {
            Content::Blob { digest, .. } => Ok(String::from_utf8_lossy(&blobs.get(&digest)?).into_owned()),
            Content::Absent { .. } => Ok(String::new()),
        },
        _ => Ok(String::new()),
    }
}
