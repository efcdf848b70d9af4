//! Who runs a command: /etc/passwd and /etc/group, read from the tree.

use super::{Result, World};
use store::Follow;

/// The identity of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Further groups.
    pub(crate) groups: Vec<u32>,
}

impl Who {
    pub(crate) fn root() -> Who {
        Who {
            uid: 0,
            gid: 0,
            groups: Vec::new(),
        }
    }

    pub(crate) fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

/// A line of /etc/passwd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
    pub(crate) shell: String,
}

impl World {
    /// The accounts of /etc/passwd; none if there is no such file.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>> {
        Ok(self
            .text("/etc/passwd")?
            .lines()
            .filter_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                let [name, _, uid, gid, _, home, shell] = fields.as_slice() else {
                    return None;
                };
                Some(Account {
                    name: (*name).to_owned(),
                    uid: uid.parse().ok()?,
                    gid: gid.parse().ok()?,
                    home: (*home).to_owned(),
                    shell: (*shell).to_owned(),
                })
            })
            .collect())
    }

    /// Names, numbers and members of the groups in /etc/group.
    pub(crate) fn groups(&self) -> Result<Vec<(String, u32, Vec<String>)>> {
        Ok(self
            .text("/etc/group")?
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
                let members = fields.next().unwrap_or_default();
                Some((
                    name.to_owned(),
                    gid.parse().ok()?,
                    members
                        .split(',')
                        .filter(|member| !member.is_empty())
                        .map(str::to_owned)
                        .collect(),
                ))
            })
            .collect())
    }

    /// A file's text whoever asks; empty if it is missing or not text.
    pub(crate) fn text(&self, path: &str) -> Result<String> {
        let Ok(path) = self.tree.resolve(path, Follow::Last) else {
            return Ok(String::new());
        };
        match self.tree.get(&path) {
            Some(store::Node::File(file)) => match self.bytes_of(&file.content) {
                Err(super::Errno::NotSimulated) => Ok(String::new()),
                other => Ok(String::from_utf8_lossy(&other?).into_owned()),
            },
            _ => Ok(String::new()),
        }
    }

    /// The identity that `USER` text names: `name`, `uid`, either with `:group`. `None` if a name is unknown.
    pub(crate) fn identify(&self, user: &str) -> Result<Option<Who>> {
        if user.is_empty() {
            return Ok(Some(Who::root()));
        }
        let (name, group) = user
            .split_once(':')
            .map_or((user, None), |(name, group)| (name, Some(group)));
        let accounts = self.accounts()?;
        let groups = self.groups()?;
        let account = accounts
            .iter()
            .find(|account| account.name == name)
            .or_else(|| accounts.iter().find(|account| account.uid.to_string() == name));
        let Some(uid) = account.map(|account| account.uid).or_else(|| name.parse().ok()) else {
            return Ok(None);
        };
        let gid = match group.filter(|group| !group.is_empty()) {
            None => account.map_or(0, |account| account.gid),
            Some(group) => match groups.iter().find(|(name, ..)| name == group) {
                Some((_, gid, _)) => *gid,
                None => match group.parse() {
                    Ok(gid) => gid,
                    Err(_) => return Ok(None),
                },
            },
        };
        let further = account.map_or_else(Vec::new, |account| {
            groups
                .iter()
                .filter(|(_, _, members)| members.contains(&account.name))
                .map(|(_, gid, _)| *gid)
                .collect()
        });
        Ok(Some(Who {
            uid,
            gid,
            groups: if group.is_some() { Vec::new() } else { further },
        }))
    }

    /// The number that a user's name or number means.
    pub(crate) fn uid_of(&self, name: &str) -> Result<Option<u32>> {
        Ok(self
            .accounts()?
            .iter()
            .find(|account| account.name == name)
            .map(|account| account.uid)
            .or_else(|| name.parse().ok()))
    }

    /// The number that a group's name or number means.
    pub(crate) fn gid_of(&self, name: &str) -> Result<Option<u32>> {
        Ok(self
            .groups()?
            .iter()
            .find(|(group, ..)| group == name)
            .map(|(_, gid, _)| *gid)
            .or_else(|| name.parse().ok()))
    }

    /// The name of a user, or its number as text.
    pub(crate) fn user_name(&self, uid: u32) -> Result<String> {
        Ok(self
            .accounts()?
            .into_iter()
            .find(|account| account.uid == uid)
            .map_or_else(|| uid.to_string(), |account| account.name))
    }

    /// The name of a group, or its number as text.
    pub(crate) fn group_name(&self, gid: u32) -> Result<String> {
        Ok(self
            .groups()?
            .into_iter()
            .find(|(_, number, _)| *number == gid)
            .map_or_else(|| gid.to_string(), |(name, ..)| name))
    }
}
