//! Uploads that were begun and not finished: a small file each, so that another process goes on with them.

use oci::Digest;
use registry::client::UploadKey;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest URL that is kept, in bytes.
const MAX_URL: u64 = 16 << 10;
/// Registries forget an upload that nobody goes on with after a week at most, and so does this.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// The folder of unfinished uploads.
///
/// A file holds the URL where the upload goes on, which may hold a secret: nobody else may read it. As long as a process works at an
/// upload it has the file locked, and no other process takes it up.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
    /// The files that this process has locked.
    held: RefCell<BTreeMap<PathBuf, File>>,
}

impl Uploads {
    /// The uploads that are kept in `folder`, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or read.
    pub fn open(folder: &Path) -> io::Result<Uploads> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let modified = fs::metadata(&path).and_then(|file| file.modified());
            let is_old = modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > MAX_AGE));
            if is_old {
                // Another process may just have done so.
                let _ = fs::remove_file(&path);
            }
        }
        Ok(Uploads {
            folder: folder.to_owned(),
            held: RefCell::default(),
        })
    }

    /// Where an upload goes on; `None` if it was not begun, or another process works at it.
    pub(super) fn find(&self, upload: UploadKey<'_>) -> Option<String> {
        let path = self.path(upload);
        let mut held = self.held.borrow_mut();
        if !held.contains_key(&path) {
            let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
            file.try_lock().ok()?;
            held.insert(path.clone(), file);
        }
        let mut file = held.get(&path)?;
        let mut text = String::new();
        file.rewind().ok()?;
        file.take(MAX_URL).read_to_string(&mut text).ok()?;
        // A line that was not written to its end is none.
        text.strip_suffix('\n').map(str::to_owned)
    }

    /// Keeps where an upload goes on. If that cannot be done, it begins anew the next time.
    pub(super) fn keep(&self, upload: UploadKey<'_>, location: &str) {
        let path = self.path(upload);
        let mut held = self.held.borrow_mut();
        if !held.contains_key(&path) {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let Ok(file) = options.open(&path) else { return };
            if file.try_lock().is_err() {
                return;
            }
            held.insert(path.clone(), file);
        }
        if let Some(mut file) = held.get(&path) {
            let line = format!("{location}\n");
            let written = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| file.write_all(line.as_bytes()));
            if written.is_err() {
                let _ = file.set_len(0);
            }
        }
    }

    /// Forgets an upload, unless another process works at it.
    pub(super) fn forget(&self, upload: UploadKey<'_>) {
        let path = self.path(upload);
        if self.held.borrow_mut().remove(&path).is_some() {
            let _ = fs::remove_file(path);
        }
    }

    fn path(&self, upload: UploadKey<'_>) -> PathBuf {
        let UploadKey {
            origin,
            repository,
            digest,
        } = upload;
        let name = Digest::of(format!("{origin}\n{repository}\n{digest}").as_bytes());
        self.folder.join(name.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::os::unix::fs::PermissionsExt;

    fn key(digest: &Digest) -> UploadKey<'_> {
        UploadKey {
            origin: "https://r.example",
            repository: "a/b",
            digest,
        }
    }

    #[test]
    fn an_upload_is_found_by_the_next_process_and_only_by_one() {
        let (scratch, digest) = (Scratch::new(), Digest::of(b"blob"));
        let uploads = Uploads::open(scratch.dir()).unwrap();
        assert_eq!(uploads.find(key(&digest)), None);
        uploads.keep(key(&digest), "https://r.example/v2/a/b/blobs/uploads/1?_state=long");
        uploads.keep(key(&digest), "https://r.example/2");
        let other = Uploads::open(scratch.dir()).unwrap();
        assert_eq!(other.find(key(&digest)), None, "it is being worked at");
        other.keep(key(&digest), "https://r.example/3");
        other.forget(key(&digest));
        drop(uploads);
        assert_eq!(other.find(key(&digest)).as_deref(), Some("https://r.example/2"));
        let file = fs::read_dir(scratch.dir()).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        other.forget(key(&digest));
        assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 0);
    }

    #[test]
    fn half_a_line_is_no_upload() {
        let (scratch, digest) = (Scratch::new(), Digest::of(b"blob"));
        Uploads::open(scratch.dir())
            .unwrap()
            .keep(key(&digest), "https://r.example/2");
        let path = fs::read_dir(scratch.dir()).unwrap().next().unwrap().unwrap().path();
        fs::write(&path, "https://r.exam").unwrap();
        assert_eq!(Uploads::open(scratch.dir()).unwrap().find(key(&digest)), None);
    }
}
