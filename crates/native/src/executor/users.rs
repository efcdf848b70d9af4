//! As whom a command runs: `USER` against the accounts of the filesystem.

use std::io::Read;
use store::{BlobStore, Content, Follow, Node, Tree};

/// A user of a filesystem, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// Home directory; `/` if the filesystem does not know the user.
    pub home: String,
}

/// Why `USER` names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The name is in no line.
    #[error("unable to find user {name}: no matching entries in passwd file")]
    User {
        /// As it was given.
        name: String,
    },
    /// The group is in no line.
    #[error("unable to find group {name}: no matching entries in group file")]
    Group {
        /// As it was given.
        name: String,
    },
    /// The file is none that an image has.
    #[error("expected {file} of at most {MAX_FILE} bytes, found more")]
    TooLong {
        /// Which file.
        file: &'static str,
    },
}

/// More of a file than this is not read, in bytes (CVE-2026-47262).
const MAX_FILE: u64 = 1 << 20;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

struct Account {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

/// The user that `text` names in `tree`: a name or a number, either with a group after `:`; empty for root.
///
/// A number is never looked up as a name (CVE-2026-46680): an account that is called `1000` is not the user 1000. A user given with a
/// group has no other groups.
///
/// # Errors
///
/// [`IdentityError`].
///
/// Source: BuildKit, `executor/oci/user.go`; moby/sys, `user.GetExecUser`.
pub fn identify(text: &str, tree: &Tree, blobs: &dyn BlobStore) -> Result<Identity, IdentityError> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    };
    let accounts = accounts(&read(tree, PASSWD, blobs)?);
    let user = if user.is_empty() { "0" } else { user };
    let number = number(user);
    let account = match number {
        Some(uid) => accounts.iter().find(|account| account.uid == uid),
        None => accounts.iter().find(|account| account.name == user),
    };
    let uid = match (account, number) {
        (Some(account), _) => account.uid,
        (None, Some(uid)) => uid,
        (None, None) => {
            return Err(IdentityError::User { name: user.to_owned() });
        }
    };
    let groups = groups(&read(tree, GROUP, blobs)?);
    let (gid, further) = if let Some(group) = group {
        (group_number(group, &groups)?, Vec::new())
    } else {
        let name = account.map_or("", |account| &account.name);
        let has_user = |group: &&Group| group.members.iter().any(|member| member == name);
        let of_user = groups.iter().filter(has_user).map(|group| group.gid);
        (account.map_or(0, |account| account.gid), of_user.collect())
    };
    Ok(Identity {
        uid,
        gid,
        groups: further,
        home: account
            .map(|account| account.home.clone())
            .filter(|home| !home.is_empty())
            .unwrap_or_else(|| "/".to_owned()),
    })
}

fn group_number(text: &str, groups: &[Group]) -> Result<u32, IdentityError> {
    let known = || groups.iter().find(|group| group.name == text).map(|group| group.gid);
    number(text)
        .or_else(known)
        .ok_or_else(|| IdentityError::Group { name: text.to_owned() })
}

/// A user or group number as the kernel takes it.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u32>()
        .ok()
        .filter(|number| is_number && i32::try_from(*number).is_ok())
}

fn accounts(text: &str) -> Vec<Account> {
    let account = |line: &str| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        Some(Account {
            name: (*fields.first()?).to_owned(),
            uid: number(fields.get(2)?)?,
            gid: number(fields.get(3)?)?,
            home: fields.get(5).map(|home| (*home).to_owned()).unwrap_or_default(),
        })
    };
    text.lines().filter_map(account).collect()
}

fn groups(text: &str) -> Vec<Group> {
    let group = |line: &str| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let members = fields.get(3).copied().unwrap_or_default().split(',');
        Some(Group {
            name: (*fields.first()?).to_owned(),
            gid: number(fields.get(2)?)?,
            members: members.filter(|member| !member.is_empty()).map(str::to_owned).collect(),
        })
    };
    text.lines().filter_map(group).collect()
}

/// A file's text, empty if there is none. Links are followed inside the filesystem only.
fn read(tree: &Tree, file: &'static str, blobs: &dyn BlobStore) -> Result<String, IdentityError> {
    let found = tree
        .resolve(file, Follow::Last)
        .ok()
        .and_then(|path| tree.get(&path).cloned());
    let Some(Node::File(found)) = found else {
        return Ok(String::new());
    };
    let Content::Blob { digest, size } = found.content else {
        return Ok(String::new());
    };
    if size > MAX_FILE {
        return Err(IdentityError::TooLong { file });
    }
    let mut bytes = Vec::new();
    // What cannot be read names nobody; the command that runs over it will say so.
    let _ = blobs
        .open(&digest)
        .map(|reader| reader.take(MAX_FILE).read_to_end(&mut bytes));
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{MemoryBlobs, Meta, TreePath};

    fn find(text: &str) -> Result<(u32, u32, Vec<u32>, String), String> {
        let mut blobs = MemoryBlobs::default();
        let mut tree = Tree::new();
        tree.mkdir_all(&TreePath::parse("etc").unwrap(), &Meta::of_mode(0o755))
            .unwrap();
        let passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1001:50::/srv:/bin/sh\n1000:x:0:0::/root:/bin/sh\nbroken\n";
        let group = "root:x:0:\nstaff:x:50:\naudio:x:29:app,root\n77:x:0:\n";
        for (name, text) in [("etc/passwd", passwd), ("etc/group", group)] {
            let digest = blobs.put(text.as_bytes()).unwrap();
            let size = text.len() as u64;
            let node = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
            tree.insert(&TreePath::parse(name).unwrap(), node).unwrap();
        }
        let found = identify(text, &tree, &blobs).map_err(|error| error.to_string())?;
        Ok((found.uid, found.gid, found.groups, found.home))
    }

    #[test]
    fn a_user_is_found_by_name_with_all_its_groups() {
        assert_eq!(find(""), Ok((0, 0, vec![29], "/root".to_owned())));
        assert_eq!(find("app"), Ok((1001, 50, vec![29], "/srv".to_owned())));
        assert_eq!(find("app:audio"), Ok((1001, 29, vec![], "/srv".to_owned())));
        assert_eq!(find("1001"), Ok((1001, 50, vec![29], "/srv".to_owned())));
        assert_eq!(find("4321:8"), Ok((4321, 8, vec![], "/".to_owned())));
    }

    #[test]
    fn cve_2026_46680_a_number_is_never_a_name() {
        assert_eq!(find("1000"), Ok((1000, 0, vec![], "/".to_owned())));
        assert_eq!(find("app:77"), Ok((1001, 77, vec![], "/srv".to_owned())));
    }

    #[test]
    fn an_unknown_name_is_refused_in_the_words_of_docker() {
        assert_eq!(
            find("nobody").unwrap_err(),
            "unable to find user nobody: no matching entries in passwd file"
        );
        assert_eq!(
            find("app:wheel").unwrap_err(),
            "unable to find group wheel: no matching entries in group file"
        );
        assert!(find("99999999999").is_err());
    }

    #[test]
    fn cve_2026_47262_a_file_without_end_is_not_read() {
        let mut tree = Tree::new();
        tree.mkdir_all(&TreePath::parse("etc").unwrap(), &Meta::of_mode(0o755))
            .unwrap();
        let content = Content::Blob {
            digest: oci::Digest::of(b"x"),
            size: 1 << 40,
        };
        let node = Node::file(Meta::of_mode(0o644), content);
        tree.insert(&TreePath::parse("etc/passwd").unwrap(), node).unwrap();
        let error = identify("app", &tree, &MemoryBlobs::default()).unwrap_err();
        assert_eq!(error, IdentityError::TooLong { file: PASSWD });
    }
}
