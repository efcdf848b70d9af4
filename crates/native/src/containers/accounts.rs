//! As whom a container's process runs, by the accounts that stand in the container now.

use super::spec::Who;
use crate::executor::users::{Identity, IdentityError, identify};
use engine::Refusal;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use sandbox::User;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use store::{BlobStore, Content, Follow, MemoryBlobs, Meta, Node, Tree, TreePath};

/// More of a file than this is not read, in bytes (CVE-2026-47262).
const MAX_FILE: u64 = 1 << 20;

/// The user that `text` names, with further groups.
///
/// The accounts are those of the writable layer `upper`, or of what lies under it.
///
/// # Errors
///
/// [`Refusal::NoSuchUser`]; [`Refusal::Invalid`] for a group that is none, or a file of accounts that is too long.
pub(super) fn identity(
    text: &str,
    groups: &[String],
    upper: &Path,
    lower: &Tree,
    blobs: &dyn BlobStore,
) -> Result<Who, Refusal> {
    let mut own = MemoryBlobs::default();
    let mut accounts = Tree::new();
    for path in ["etc/passwd", "etc/group"] {
        let bytes = match written(upper, path)? {
            Some(bytes) => Some(bytes),
            None => beneath(lower, path, blobs)?,
        };
        if let Some(bytes) = bytes {
            put(&mut accounts, path, &bytes, &mut own)?;
        }
    }
    let refused = |error: IdentityError| match error {
        IdentityError::User { name } => Refusal::NoSuchUser { user: name },
        other => Refusal::Invalid {
            message: other.to_string(),
        },
    };
    let Identity {
        uid,
        gid,
        groups: mut further,
        home,
    } = identify(text, &accounts, &own).map_err(refused)?;
    for group in groups {
        let found = identify(&format!("{uid}:{group}"), &accounts, &own).map_err(refused)?;
        further.push(found.gid);
    }
    // The main group is one of them, too: a process that changes it keeps it (CVE-2022-2990).
    further.push(gid);
    further.sort_unstable();
    further.dedup();
    Ok(Who {
        user: User {
            uid,
            gid,
            groups: further,
        },
        home,
    })
}

/// A file of the writable layer. No link is followed: a process of the container may have made it.
fn written(upper: &Path, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let open = || {
        let root = openat(
            CWD,
            upper,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        openat2(&root, path, flags, Mode::empty(), within)
    };
    let Ok(file) = open().map(File::from) else {
        return Ok(None);
    };
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() as u64 > MAX_FILE => Err(too_long(path)),
        Ok(_) => Ok(Some(bytes)),
        Err(_) => Ok(None),
    }
}

fn beneath(lower: &Tree, path: &str, blobs: &dyn BlobStore) -> Result<Option<Vec<u8>>, Refusal> {
    let found = lower
        .resolve(path, Follow::Last)
        .ok()
        .and_then(|place| lower.get(&place)?.as_file());
    let Some(Content::Blob { digest, size }) = found.map(|file| file.content) else {
        return Ok(None);
    };
    if size > MAX_FILE {
        return Err(too_long(path));
    }
    Ok(Some(blobs.get(&digest)?.to_vec()))
}

fn too_long(path: &str) -> Refusal {
    Refusal::Invalid {
        message: format!("expected /{path} of at most {MAX_FILE} bytes, found more"),
    }
}

fn put(tree: &mut Tree, path: &str, bytes: &[u8], blobs: &mut MemoryBlobs) -> Result<(), Refusal> {
    let place = TreePath::parse(path).map_err(store::TreeError::from)?;
    if let Some(parent) = place.parent() {
        tree.mkdir_all(&parent, &Meta::of_mode(0o755))?;
    }
    let content = Content::Blob {
        digest: blobs.put(bytes)?,
        size: bytes.len() as u64,
    };
    Ok(tree.insert(&place, Node::file(Meta::of_mode(0o644), content))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn lower(blobs: &mut MemoryBlobs) -> Tree {
        let mut tree = Tree::new();
        put(
            &mut tree,
            "etc/passwd",
            b"root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n",
            blobs,
        )
        .unwrap();
        put(&mut tree, "etc/group", b"root:x:0:\ndocker:x:99:\n", blobs).unwrap();
        tree
    }

    #[test]
    fn an_account_that_was_made_in_the_container_counts() {
        let scratch = Scratch::new();
        let mut blobs = MemoryBlobs::default();
        let lower = lower(&mut blobs);
        let find = |text: &str, groups: &[String]| identity(text, groups, scratch.dir(), &lower, &blobs);
        assert_eq!(find("web", &[]).unwrap().user.uid, 33);
        assert!(matches!(find("new", &[]), Err(Refusal::NoSuchUser { .. })));
        scratch.write("etc/passwd", "new:x:1000:1000::/home/new:/bin/sh\n");
        let found = find("new", &["docker".to_owned()]).unwrap();
        assert_eq!(
            (found.user.uid, found.user.groups, found.home.as_str()),
            (1000, vec![99, 1000], "/home/new")
        );
    }

    #[test]
    fn a_link_in_the_writable_layer_is_not_followed_out_of_it() {
        let scratch = Scratch::new();
        let mut blobs = MemoryBlobs::default();
        let lower = lower(&mut blobs);
        scratch.write("outside", "evil:x:0:0::/:/bin/sh\n");
        std::fs::create_dir_all(scratch.path("upper/etc")).unwrap();
        std::os::unix::fs::symlink(scratch.path("outside"), scratch.path("upper/etc/passwd")).unwrap();
        let found = identity("evil", &[], &scratch.path("upper"), &lower, &blobs);
        assert!(matches!(found, Err(Refusal::NoSuchUser { .. })));
    }
}
