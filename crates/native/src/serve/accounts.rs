//! The accounts of an htpasswd file, read again when it changes.

use super::watched::{Watched, read_small};
use registry::{Accounts, AuthConfig};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Where the accounts come from.
pub(super) struct AccountFile {
    path: PathBuf,
    watched: Mutex<Watched>,
}

impl AccountFile {
    /// Reads the accounts that the configuration asks for; `None` if it asks for none.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, for a person.
    pub(super) fn read(auth: &AuthConfig) -> Result<Option<(AccountFile, Accounts)>, String> {
        let AuthConfig::Htpasswd { path, .. } = auth else {
            return Ok(None);
        };
        let path = PathBuf::from(path);
        let watched = Mutex::new(Watched::new(vec![path.clone()]));
        let accounts = read(&path)?;
        Ok(Some((AccountFile { path, watched }, accounts)))
    }

    /// The accounts, if the file has changed since it was last looked at.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, once for every change of it. The old accounts should stay.
    pub(super) fn changed(&self) -> Result<Option<Accounts>, String> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.has_changed() {
            read(&self.path).map(Some)
        } else {
            Ok(None)
        }
    }
}

fn read(path: &Path) -> Result<Accounts, String> {
    let bytes =
        read_small(path).map_err(|error| format!("could not read htpasswd file {}: {error}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("expected text in htpasswd file {}", path.display()))?;
    Accounts::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_file_that_changes_is_read_again_and_a_broken_one_is_named_once() {
        let scratch = Scratch::new();
        let path = scratch.write("htpasswd", "a:$2y$05$x\n");
        let auth = AuthConfig::Htpasswd {
            realm: "Realm".to_owned(),
            path: path.display().to_string(),
        };
        let (file, _) = AccountFile::read(&auth).unwrap().unwrap();
        assert!(file.changed().unwrap().is_none());
        scratch.write("htpasswd", "b:$2y$05$x\r\n# nobody else\r\n");
        assert!(file.changed().unwrap().is_some());
        scratch.write("htpasswd", "no colon\n");
        assert!(file.changed().err().unwrap().contains("invalid entry at line 1"));
        assert!(file.changed().unwrap().is_none());
        std::fs::remove_file(&path).unwrap();
        assert!(file.changed().err().unwrap().contains("could not read htpasswd file"));
    }
}
