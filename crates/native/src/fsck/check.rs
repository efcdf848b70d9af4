//! What is wrong with a store.

use super::machine::{check_machine, short};
use crate::collect::{Collected, digest_of, needed};
use crate::disk::DiskBlobs;
use crate::layers;
use crate::references::{self, Entry, Parts, References};
use crate::state::State;
use oci::{Descriptor, DiffId, Digest, Digester};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use store::{Changeset, Content};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Blobs whose bytes are not what their name says, with what is wrong.
    pub bad_blobs: BTreeMap<Digest, String>,
    /// Lists of layers that are damaged, or that name contents that are not there.
    pub bad_lists: BTreeMap<DiffId, String>,
    /// Entries of the index that are not whole, by digest, with each thing that is wrong.
    pub bad_entries: BTreeMap<Digest, Vec<String>>,
    /// Layers of the build cache that are not whole.
    pub bad_records: BTreeMap<DiffId, String>,
    /// Folders of containers that cannot be used any more, with what is wrong.
    pub lost_containers: BTreeMap<PathBuf, String>,
    /// What containers refer to and is not there, a sentence each.
    pub bad_containers: Vec<String>,
    /// Volumes, with what is wrong.
    pub bad_volumes: BTreeMap<String, String>,
    /// Files where only blobs and lists should be.
    pub strays: Vec<PathBuf>,
    /// What processes that were ended left. It does no harm.
    pub leftovers: Vec<PathBuf>,
    /// What nobody needs. It does no harm.
    pub garbage: Collected,
    /// How many blobs there are.
    pub n_blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many entries the index has.
    pub n_entries: usize,
    /// How many layers the build cache has.
    pub n_records: usize,
    /// How many containers there are.
    pub n_containers: usize,
}

impl Report {
    /// Everything that is wrong, a sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.bad_entries.values().flatten().cloned().collect();
        let records = self.bad_records.iter();
        problems.extend(records.map(|(diff_id, why)| format!("build cache: layer {diff_id}: {why}")));
        problems.extend(
            self.bad_blobs
                .iter()
                .map(|(digest, why)| format!("blob {digest}: {why}")),
        );
        let lists = self.bad_lists.iter();
        problems.extend(lists.map(|(diff_id, why)| format!("list of layer {diff_id}: {why}")));
        let lost = self.lost_containers.iter();
        problems.extend(lost.map(|(folder, why)| format!("container {}: {why}", short(folder))));
        problems.extend_from_slice(&self.bad_containers);
        problems.extend(
            self.bad_volumes
                .iter()
                .map(|(name, why)| format!("volume {name}: {why}")),
        );
        let strays = self.strays.iter();
        problems.extend(strays.map(|path| format!("{}: expected a file named by a digest", path.display())));
        problems
    }

    /// Whether nothing is wrong and nothing was left.
    pub fn is_clean(&self) -> bool {
        self.problems().is_empty() && self.leftovers.is_empty()
    }
}

/// Looks at everything. If another process changes names just now, `on_wait` is called once.
///
/// # Errors
///
/// If the index or a folder cannot be read.
pub fn check(state: &State, blobs: &DiskBlobs, on_wait: impl FnOnce()) -> io::Result<Report> {
    let references = {
        let _changing = state.change(on_wait)?;
        references::read(state, blobs)?
    };
    let mut report = Report {
        n_entries: references.entries.len(),
        n_records: references.cached.len(),
        ..Report::default()
    };
    // What somebody stores from here on may name blobs that are not looked at any more.
    let lists = fs::read_dir(blobs.layers())?.collect::<io::Result<Vec<_>>>()?;
    let sound = hash_blobs(blobs, &mut report)?;
    let mut here = Here {
        packed: hash_parts(&lists, &sound, blobs)?,
        sound,
        lists: BTreeSet::new(),
    };
    check_lists(&lists, &mut here, &mut report);
    for entry in &references.entries {
        let wrong = here.entry(entry, &report);
        if !wrong.is_empty() {
            report.bad_entries.entry(entry.digest).or_default().extend(wrong);
        }
    }
    for (diff_id, blob) in &references.cached {
        if let Some(why) = here.record(*diff_id, blob.as_ref(), &report) {
            report.bad_records.insert(*diff_id, why);
        }
    }
    find_leftovers(state, &mut report)?;
    check_machine(state, &references, &mut report)?;
    count_garbage(&references, blobs, &here, &mut report);
    Ok(report)
}

/// What is there and sound.
struct Here {
    /// Blobs with their sizes.
    sound: BTreeMap<Digest, u64>,
    /// What lies in those that are packs, with its sizes.
    packed: BTreeMap<Digest, u64>,
    /// Lists of layers.
    lists: BTreeSet<DiffId>,
}

/// Hashes all blobs: those that are what they are called, with their sizes.
fn hash_blobs(blobs: &DiskBlobs, report: &mut Report) -> io::Result<BTreeMap<Digest, u64>> {
    let mut sound = BTreeMap::new();
    for entry in fs::read_dir(blobs.folder())? {
        let entry = entry?;
        let Some(digest) = digest_of(&entry) else {
            report.strays.push(entry.path());
            continue;
        };
        report.n_blobs += 1;
        match hash(&entry.path()) {
            Ok((found, size)) if found == digest => {
                report.bytes += size;
                sound.insert(digest, size);
            }
            Ok((found, size)) => {
                let why = format!("damaged: its {size} bytes are {found}");
                report.bad_blobs.insert(digest, why);
            }
            Err(error) => {
                report.bad_blobs.insert(digest, format!("cannot be read: {error}"));
            }
        }
    }
    Ok(sound)
}

/// Hashes what lies in the packs that are sound themselves: what is where its list says, with its sizes.
fn hash_parts(
    lists: &[fs::DirEntry],
    sound: &BTreeMap<Digest, u64>,
    blobs: &DiskBlobs,
) -> io::Result<BTreeMap<Digest, u64>> {
    let mut packed = BTreeMap::new();
    for entry in lists {
        let Some(pack) = digest_of(entry).filter(|pack| sound.contains_key(pack)) else {
            continue;
        };
        let parts = layers::packed(&entry.path());
        if parts.is_empty() {
            continue;
        }
        let mut tar = File::open(blobs.folder().join(pack.hex()))?;
        for part in parts {
            let mut digester = Digester::new();
            tar.seek(SeekFrom::Start(part.start))?;
            io::copy(&mut (&mut tar).take(part.size), &mut digester)?;
            if digester.finish() == part.digest {
                packed.insert(part.digest, part.size);
            }
        }
    }
    Ok(packed)
}

fn hash(path: &Path) -> io::Result<(Digest, u64)> {
    let mut digester = Digester::new();
    let size = io::copy(&mut File::open(path)?, &mut digester)?;
    Ok((digester.finish(), size))
}

/// Reads lists of layers and looks for what they name.
fn check_lists(lists: &[fs::DirEntry], here: &mut Here, report: &mut Report) {
    for entry in lists {
        let Some(digest) = digest_of(entry) else {
            report.strays.push(entry.path());
            continue;
        };
        let diff_id = DiffId(digest);
        let read = layers::read(&entry.path()).and_then(|list| here.contents(&list, report));
        match read {
            Ok(()) => {
                here.lists.insert(diff_id);
            }
            Err(why) => {
                report.bad_lists.insert(diff_id, why);
            }
        }
    }
}

impl Here {
    /// Whether the contents of all files of a list are here; else what is wrong with the first that is not.
    fn contents(&self, list: &Changeset, report: &Report) -> Result<(), String> {
        for (path, content) in list.files() {
            if let Content::Blob { digest, size } = content
                && self.sound.get(&digest) != Some(&size)
                && self.packed.get(&digest) != Some(&size)
            {
                return Err(format!("file {}: {}", path.absolute(), why_not(&digest, report)));
            }
        }
        Ok(())
    }

    /// What is wrong with an image.
    fn entry(&self, entry: &Entry, report: &Report) -> Vec<String> {
        let name = &entry.name;
        let Parts { documents, layers } = match &entry.parts {
            Ok(parts) => parts,
            Err(why) => return vec![format!("image {name}: {why}")],
        };
        let mut wrong = Vec::new();
        for digest in documents.iter().filter(|digest| !self.sound.contains_key(*digest)) {
            wrong.push(format!("image {name}: document {}", why_not(digest, report)));
        }
        for (number, (diff_id, blob)) in layers.iter().enumerate() {
            let number = number + 1;
            if self.sound.get(&blob.digest) != Some(&blob.size) {
                let why = why_not(&blob.digest, report);
                wrong.push(format!("layer {number} of image {name}: {why}"));
            }
            if let Some(why) = diff_id.and_then(|diff_id| report.bad_lists.get(&diff_id)) {
                wrong.push(format!("layer {number} of image {name}: {why}"));
            }
        }
        wrong
    }

    /// What is wrong with a layer of the build cache.
    fn record(&self, diff_id: DiffId, blob: Option<&Descriptor>, report: &Report) -> Option<String> {
        if let Some(blob) = blob
            && self.sound.get(&blob.digest) != Some(&blob.size)
        {
            return Some(why_not(&blob.digest, report));
        }
        if self.lists.contains(&diff_id) {
            return None;
        }
        let why = report.bad_lists.get(&diff_id).cloned();
        Some(why.unwrap_or_else(|| "what it lists is missing".to_owned()))
    }
}

/// Why a blob is not among those that are sound.
fn why_not(digest: &Digest, report: &Report) -> String {
    match report.bad_blobs.get(digest) {
        Some(why) => format!("blob {digest} is {why}"),
        None => format!("blob {digest} is missing"),
    }
}

/// Temporary files beside those that are written whole. A living process has none for longer than a moment, and holds a lock then.
fn find_leftovers(state: &State, report: &mut Report) -> io::Result<()> {
    for folder in [state.root().to_owned(), state.layout()] {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(".tmp") {
                report.leftovers.push(entry.path());
            }
        }
    }
    Ok(())
}

/// What nobody needs, if that is known at all.
fn count_garbage(references: &References, blobs: &DiskBlobs, here: &Here, report: &mut Report) {
    let Ok(needed) = needed(references, blobs) else { return };
    for (digest, size) in &here.sound {
        if !needed.blobs.contains(digest) {
            report.garbage.files += 1;
            report.garbage.bytes += size;
        }
    }
    report.garbage.files += here
        .lists
        .iter()
        .filter(|list| !needed.layers.contains(&list.0))
        .count();
}
