//! The project's files: the build context as the page has it.

use builder::{Context, Ignore, MemoryContext};
use messages::{FileInput, ProjectView};
use store::Time;

/// No project holds more files than this.
const MAX_FILES: usize = 20_000;
/// No project holds more bytes than this.
const MAX_BYTES: usize = 256 << 20;

/// Files with their names, modes and bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Project {
    pub(crate) context: MemoryContext,
    sizes: std::collections::BTreeMap<String, usize>,
}

impl Project {
    /// Takes files, in place of those with the same paths; `now` is their time.
    ///
    /// # Errors
    ///
    /// A sentence, if a path is none or the limits are reached; then nothing was taken.
    pub(crate) fn put(&mut self, files: Vec<FileInput>, now: Time) -> Result<(), String> {
        let mut sizes = self.sizes.clone();
        for file in &files {
            let path = store::TreePath::parse(&file.path).map_err(|error| error.to_string())?;
            if path.is_root() {
                return Err(format!("expected the path of a file, found {:?}", file.path));
            }
            sizes.insert(file.path.clone(), file.bytes.len());
        }
        let bytes: usize = sizes.values().sum();
        if sizes.len() > MAX_FILES || bytes > MAX_BYTES {
            return Err(format!(
                "expected at most {MAX_FILES} files and {} MiB, found {} files and {} MiB",
                MAX_BYTES >> 20,
                sizes.len(),
                bytes >> 20
            ));
        }
        for file in files {
            self.context.put(&file.path, file.mode & 0o7777, now, &file.bytes);
        }
        self.sizes = sizes;
        Ok(())
    }

    /// Removes files, and all that is below folders.
    pub(crate) fn remove(&mut self, paths: &[String]) {
        for path in paths {
            self.context.remove(path);
            let below = format!("{path}/");
            self.sizes
                .retain(|known, _| known != path && !known.starts_with(&below));
        }
    }

    /// The paths of its files, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.sizes.keys().map(String::as_str)
    }

    /// Mode, time and bytes of a file.
    pub(crate) fn file(&self, path: &str) -> Option<(u32, Time, &[u8])> {
        let (entry, bytes) = self.context.get(path)?;
        Some((entry.mode, entry.mtime, bytes))
    }

    /// The text of a file, bytes that are no UTF-8 replaced.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let (_, bytes) = self.context.get(path)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// What the page shows of the files, for a build from `dockerfile`. An ignore file that cannot be read ignores nothing here; the build says so.
    pub(crate) fn view(&self, dockerfile: &str) -> ProjectView {
        let ignore = self.ignore(dockerfile).unwrap_or_default();
        let entry = |(path, size): (&String, &usize)| (path.clone(), *size as u64, ignore.ignores(path));
        let files: Vec<(String, u64, bool)> = self.sizes.iter().map(entry).collect();
        let context_bytes = files
            .iter()
            .filter(|(.., ignored)| !ignored)
            .map(|(_, size, _)| size)
            .sum();
        ProjectView { files, context_bytes }
    }

    /// The rules that keep files out of a build from `dockerfile`; `None` without a file of rules, or with one that cannot be read.
    pub(crate) fn ignore(&self, dockerfile: &str) -> Option<Ignore> {
        let (_, text) = self.context.ignore_file(dockerfile).ok()??;
        Ignore::parse(&text).ok()
    }
}
