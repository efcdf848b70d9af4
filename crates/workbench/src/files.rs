//! What is inside an image: rows of a tree, and the content of one file.

use messages::{ChangeView, ContentView, FileRow, View};
use oci::Digest;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use store::{
    BlobStore, Change, ChangeKind, Content, Fate, Follow, Image, Layer, Node, Tree, TreeError, TreePath, Usage, apply,
};

/// As much of a text as the page shows, in bytes.
const MAX_TEXT: usize = 64 << 10;
/// As many bytes as a hex dump shows.
const MAX_DUMP: usize = 1 << 10;

/// The rows of a view, parents before children.
///
/// # Errors
///
/// [`TreeError`] if the layers cannot be laid over each other.
pub(crate) fn rows(image: &Image, view: View) -> Result<Vec<FileRow>, TreeError> {
    match view {
        View::Layer(n) => layer_rows(image, n),
        View::UpTo(n) => merged_rows(image, n),
    }
}

fn layer_rows(image: &Image, n: usize) -> Result<Vec<FileRow>, TreeError> {
    let Some(layer) = image.layers.get(n) else {
        return Ok(Vec::new());
    };
    let below = up_to(&image.layers[..n])?;
    let usage = Usage::of(&image.layers)?;
    let hidden: BTreeMap<&TreePath, bool> = usage
        .files
        .iter()
        .filter(|file| file.layer == n)
        .map(|file| (&file.path, file.fate != Fate::Visible))
        .collect();
    let mut rows = Vec::new();
    for change in &layer.changes.changes {
        if let Some(mut row) = change_row(change, &below) {
            row.layer = n;
            row.hidden = hidden.get(&change.path).copied().unwrap_or(false);
            rows.push((change.path.clone(), row));
        }
    }
    Ok(with_sums(rows))
}

fn change_row(change: &Change, below: &Tree) -> Option<FileRow> {
    let was = below.get(&change.path);
    match &change.kind {
        ChangeKind::Put(node) => {
            let same_dir =
                matches!((node, was), (Node::Dir(new), Some(Node::Dir(old))) if same_but_time(&new.meta, &old.meta));
            let change_view = match was {
                _ if same_dir => ChangeView::Same,
                None => ChangeView::Added,
                Some(_) => ChangeView::Changed,
            };
            Some(FileRow {
                change: change_view,
                ..row(&change.path, node)
            })
        }
        ChangeKind::Link { to, .. } => Some(FileRow {
            path: change.path.as_str().to_owned(),
            kind: "link".to_owned(),
            target: to.absolute(),
            change: if was.is_some() {
                ChangeView::Changed
            } else {
                ChangeView::Added
            },
            ..FileRow::default()
        }),
        ChangeKind::Delete => Some(FileRow {
            change: ChangeView::Deleted,
            bytes: was.map_or(0, bytes_of),
            ..was.map_or_else(
                || FileRow {
                    path: change.path.as_str().to_owned(),
                    kind: "file".to_owned(),
                    ..FileRow::default()
                },
                |node| row(&change.path, node),
            )
        }),
        ChangeKind::Opaque => None,
    }
}

fn same_but_time(a: &store::Meta, b: &store::Meta) -> bool {
    (a.mode, a.uid, a.gid) == (b.mode, b.uid, b.gid)
}

fn merged_rows(image: &Image, n: usize) -> Result<Vec<FileRow>, TreeError> {
    let shown = &image.layers[..image.layers.len().min(n + 1)];
    let mut tree = Tree::new();
    // Which layer each path last came from.
    let mut from: BTreeMap<TreePath, usize> = BTreeMap::new();
    for (number, layer) in shown.iter().enumerate() {
        tree = apply(&tree, &layer.changes)?;
        for change in &layer.changes.changes {
            from.insert(change.path.clone(), number);
        }
    }
    let last = shown.len().saturating_sub(1);
    let mut rows = Vec::new();
    for (path, node) in tree.walk() {
        if path.is_root() {
            continue;
        }
        let layer = from.get(&path).copied().unwrap_or(0);
        let change = if layer == last && !node.is_dir() {
            ChangeView::Added
        } else {
            ChangeView::Same
        };
        rows.push((
            path.clone(),
            FileRow {
                layer,
                change,
                ..row(&path, node)
            },
        ));
    }
    Ok(with_sums(rows))
}

fn row(path: &TreePath, node: &Node) -> FileRow {
    let meta = node.meta();
    let (kind, bytes, target, absent) = match node {
        Node::Dir(_) => ("dir", 0, String::new(), false),
        Node::File(file) => (
            "file",
            file.content.size(),
            String::new(),
            matches!(file.content, Content::Absent { .. }),
        ),
        Node::Symlink { target, .. } => ("symlink", 0, target.clone(), false),
        Node::Special {
            kind: store::Special::Fifo,
            ..
        } => ("fifo", 0, String::new(), false),
        Node::Special { .. } => ("device", 0, String::new(), false),
    };
    FileRow {
        path: path.as_str().to_owned(),
        kind: kind.to_owned(),
        bytes,
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        target,
        absent,
        ..FileRow::default()
    }
}

fn bytes_of(node: &Node) -> u64 {
    match node {
        Node::Dir(dir) => dir.entries.values().map(bytes_of).sum(),
        Node::File(file) => file.content.size(),
        Node::Symlink { .. } | Node::Special { .. } => 0,
    }
}

/// Gives every directory the sum of the rows below it, what is deleted left out.
fn with_sums(rows: Vec<(TreePath, FileRow)>) -> Vec<FileRow> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (path, row) in &rows {
        if row.kind == "dir" || row.change == ChangeView::Deleted {
            continue;
        }
        let mut above = path.parent();
        while let Some(dir) = above {
            above = dir.parent();
            *sums.entry(dir.as_str().to_owned()).or_default() += row.bytes;
        }
    }
    let sum = |mut row: FileRow| {
        if row.kind == "dir" && row.change != ChangeView::Deleted {
            row.bytes = sums.get(&row.path).copied().unwrap_or(0);
        }
        row
    };
    rows.into_iter().map(|(_, row)| sum(row)).collect()
}

/// The content of one file.
pub(crate) fn content(image: &Image, view: View, path: &str, blobs: &dyn BlobStore) -> ContentView {
    let Some(node) = find(image, view, path) else {
        return ContentView::Missing;
    };
    let Node::File(file) = node else {
        return ContentView::Missing;
    };
    match file.content {
        Content::Absent { size } => ContentView::Absent { bytes: size },
        Content::Blob { digest, size } => match start_of(&digest, blobs) {
            Some(start) => show(&start, size),
            None => ContentView::Missing,
        },
    }
}

/// As much of a blob as can be shown, if it can be read: the rest of it may be larger than the memory.
fn start_of(digest: &Digest, blobs: &dyn BlobStore) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    let bytes = blobs.open(digest).ok()?;
    bytes.take(MAX_TEXT as u64).read_to_end(&mut start).ok()?;
    Some(start)
}

fn find(image: &Image, view: View, path: &str) -> Option<Node> {
    let path = TreePath::parse(path).ok()?;
    let n = match view {
        View::Layer(n) => {
            // What this very layer holds, even if a later one hides it.
            let found = image
                .layers
                .get(n)?
                .changes
                .changes
                .iter()
                .find(|change| change.path == path);
            if let Some(Change {
                kind: ChangeKind::Put(node),
                ..
            }) = found
            {
                return Some(node.clone());
            }
            n
        }
        View::UpTo(n) => n,
    };
    let tree = up_to(image.layers.get(..=n.min(image.layers.len().checked_sub(1)?))?).ok()?;
    let place = tree.resolve(path.as_str(), Follow::Last).ok()?;
    tree.get(&place).cloned()
}

fn up_to(layers: &[Layer]) -> Result<Tree, TreeError> {
    store::flatten(layers)
}

/// A file of `size` bytes that begins with `start`.
fn show(start: &[u8], size: u64) -> ContentView {
    let is_cut = (start.len() as u64) < size;
    let text = match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        // A character cut in two by the limit is no reason to call it binary.
        Err(error) if is_cut && error.error_len().is_none() => std::str::from_utf8(&start[..error.valid_up_to()]).ok(),
        Err(_) => None,
    };
    match text {
        Some(text) if !text.contains('\0') => ContentView::Text {
            text: text.to_owned(),
            more: is_cut,
        },
        _ => ContentView::Binary {
            dump: dump(&start[..start.len().min(MAX_DUMP)]),
            bytes: size,
        },
    }
}

/// Sixteen bytes a line: offset, hexadecimal, text.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (n, line) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown: String = line
            .iter()
            .map(|&byte| {
                if (0x20..0x7f).contains(&byte) {
                    char::from(byte)
                } else {
                    '.'
                }
            })
            .collect();
        writeln!(text, "{:08x}  {:<47}  {shown}", n * 16, hex.join(" ")).expect("writing to a string cannot fail");
    }
    text
}
