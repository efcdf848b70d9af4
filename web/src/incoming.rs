//! Files that come from outside: chosen, or dropped, whole folders too.

use js_sys::{Array, Function, Promise, Uint8Array};
use messages::Comparison;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, File, FileList, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry,
};

use crate::{
    archive, layout,
    model::{MAX_BYTES, MAX_FILES, SourceFile},
};

/// The most bytes of a preview report.
const MAX_REPORT: usize = 16 << 20;

/// Files with their paths, and how many were left out because there were too many or too big.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// Path and file.
    pub(crate) files: Vec<(String, SourceFile)>,
    /// Not read.
    pub(crate) left_out: usize,
    bytes: usize,
}

impl Incoming {
    /// Reads the files that were chosen in a file field.
    pub(crate) async fn chosen(list: FileList) -> Incoming {
        let mut incoming = Incoming::default();
        for index in 0..list.length() {
            if let Some(file) = list.get(index) {
                let path = js_sys::Reflect::get(&file, &"webkitRelativePath".into())
                    .ok()
                    .and_then(|path| path.as_string());
                let path = path.filter(|path| !path.is_empty()).unwrap_or_else(|| file.name());
                incoming.add(path, &file).await;
            }
        }
        incoming.without_top_folder()
    }

    /// Reads what was dropped.
    pub(crate) async fn dropped(dropped: Dropped) -> Incoming {
        let mut incoming = Incoming::default();
        for file in dropped.files {
            incoming.add(file.name(), &file).await;
        }
        // Not recursive: a folder can be deep.
        let mut waiting = dropped.entries;
        while let Some(entry) = waiting.pop() {
            if entry.is_directory() {
                waiting.extend(children(entry.unchecked_into::<FileSystemDirectoryEntry>()).await);
            } else if let Some(file) = file(entry.unchecked_ref::<FileSystemFileEntry>()).await {
                incoming.add(entry.full_path(), &file).await;
            }
        }
        incoming.without_top_folder()
    }

    async fn add(&mut self, path: String, file: &File) {
        let size = file.size() as usize;
        if self.files.len() >= MAX_FILES || self.bytes + size > MAX_BYTES {
            self.left_out += 1;
            return;
        }
        let Ok(buffer) = JsFuture::from(file.array_buffer()).await else {
            self.left_out += 1;
            return;
        };
        let bytes = Uint8Array::new(&buffer).to_vec();
        self.bytes += bytes.len();
        // A browser does not tell modes; a script is one by its first two bytes.
        let mode = if bytes.starts_with(b"#!") { 0o755 } else { 0o644 };
        self.files.push((
            path.trim_start_matches('/').to_owned(),
            SourceFile {
                bytes: bytes.into(),
                mode,
            },
        ));
    }

    /// Of one folder that has a Dockerfile, the folder itself is the context.
    fn without_top_folder(mut self) -> Incoming {
        let top = self
            .files
            .first()
            .and_then(|(path, _)| path.split_once('/'))
            .map(|(top, _)| format!("{top}/"));
        if let Some(top) = top
            && self.files.iter().all(|(path, _)| path.starts_with(&top))
            && self.files.iter().any(|(path, _)| *path == format!("{top}Dockerfile"))
        {
            for (path, _) in &mut self.files {
                path.drain(..top.len());
            }
        }
        self
    }

    /// True if this is a project of its own rather than files for the present one.
    pub(crate) fn is_project(&self) -> bool {
        self.files.len() > 1 && self.files.iter().any(|(path, _)| path == "Dockerfile")
    }
}

/// What lies in a drop: entries where the browser has them, which may be folders, and files where it has only those.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    entries: Vec<FileSystemEntry>,
    files: Vec<File>,
}

impl Dropped {
    /// Must be called within the event, before anything is awaited: the browser empties the list then.
    pub(crate) fn of(transfer: &DataTransfer) -> Dropped {
        let items = transfer.items();
        let mut dropped = Dropped::default();
        for item in (0..items.length()).filter_map(|index| items.get(index)) {
            match item.webkit_get_as_entry().ok().flatten() {
                Some(entry) => dropped.entries.push(entry),
                None => dropped.files.extend(item.get_as_file().ok().flatten()),
            }
        }
        dropped
    }

    /// True if it was no files that were dropped.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.files.is_empty()
    }

    /// The preview report that it is, and the file's name: one file that is one.
    pub(crate) async fn report(&self) -> Option<(String, Comparison)> {
        let found = match (&self.entries[..], &self.files[..]) {
            ([], [file]) => file.clone(),
            ([entry], []) if !entry.is_directory() => file(entry.unchecked_ref::<FileSystemFileEntry>()).await?,
            _ => return None,
        };
        Some((found.name(), report(&found).await?))
    }

    /// The image archive that it is: one file that is one, or one folder that is an OCI layout.
    pub(crate) async fn archive(&self) -> Option<File> {
        let file = match (&self.entries[..], &self.files[..]) {
            ([], [file]) => file.clone(),
            ([entry], []) if entry.is_directory() => return oci_layout(entry.unchecked_ref()).await,
            ([entry], []) => file(entry.unchecked_ref::<FileSystemFileEntry>()).await?,
            _ => return None,
        };
        archive::is_image(&file).await.then_some(file)
    }
}

/// A preview report in a file; `None` if it is another file.
pub(crate) async fn report(file: &File) -> Option<Comparison> {
    let is_json = file.name().to_ascii_lowercase().ends_with(".json");
    if !is_json || file.size() as usize > MAX_REPORT {
        return None;
    }
    let text = JsFuture::from(file.text()).await.ok()?.as_string()?;
    serde_json::from_str(&text).ok()
}

/// A folder as one tar, if it holds a file `oci-layout`.
async fn oci_layout(folder: &FileSystemDirectoryEntry) -> Option<File> {
    let top = format!("{}/", folder.full_path());
    let mut waiting = children(folder.clone()).await;
    if !waiting.iter().any(|entry| entry.name() == "oci-layout") {
        return None;
    }
    let mut files = Vec::new();
    while let Some(entry) = waiting.pop() {
        if files.len() >= MAX_FILES {
            return None;
        }
        if entry.is_directory() {
            waiting.extend(children(entry.unchecked_into::<FileSystemDirectoryEntry>()).await);
        } else {
            let path = entry.full_path();
            let file = file(entry.unchecked_ref::<FileSystemFileEntry>()).await?;
            files.push((path.strip_prefix(&top).unwrap_or(&path).to_owned(), file));
        }
    }
    layout::tar(&folder.name(), &files)
}

/// All children of a folder: the browser hands them out a hundred at a time.
async fn children(folder: FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let reader = folder.create_reader();
    let mut all = Vec::new();
    loop {
        let Ok(batch) = JsFuture::from(next_batch(&reader)).await else {
            return all;
        };
        let batch = Array::from(&batch);
        if batch.length() == 0 || all.len() >= MAX_FILES {
            return all;
        }
        all.extend(batch.iter().map(JsValue::unchecked_into::<FileSystemEntry>));
    }
}

fn next_batch(reader: &FileSystemDirectoryReader) -> Promise {
    Promise::new(&mut |resolve, reject| {
        if let Err(error) = reader.read_entries_with_callback_and_callback(&resolve, &reject) {
            _ = reject.call1(&JsValue::NULL, &error);
        }
    })
}

async fn file(entry: &FileSystemFileEntry) -> Option<File> {
    let promise = Promise::new(&mut |resolve: Function, reject: Function| {
        let on_file = Closure::once_into_js(move |file: File| _ = resolve.call1(&JsValue::NULL, &file));
        entry.file_with_callback_and_callback(on_file.unchecked_ref(), &reject);
    });
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}
