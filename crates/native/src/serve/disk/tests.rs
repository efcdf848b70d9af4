//! What a registry on disk keeps through restarts, kills and checkpoints.

use super::*;
use crate::testing::Scratch;
use oci::{AnyDigest, Digest};
use registry::{Change, ManifestRecord, Records, Uploads};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{BlobStore, Time};

const ID: &str = "5f3ce91c-7f20-44c6-9873-fb4263115121";

fn open(root: &Path) -> (Arc<Disk>, DiskStore) {
    let disk = Arc::new(Disk::open(root).unwrap());
    (Arc::clone(&disk), DiskStore(disk))
}

fn add_blob(repository: &str, content: Digest) -> Change {
    Change::AddBlob {
        repository: repository.to_owned(),
        name: content.into(),
        content,
    }
}

/// Pushes a blob as the server does.
fn push(store: &mut DiskStore, repository: &str, bytes: &[u8]) -> Digest {
    let content = store.put(bytes).unwrap();
    store.apply(add_blob(repository, content)).unwrap();
    content
}

/// Puts a manifest that names these blobs under a tag.
fn put_manifest(store: &mut DiskStore, repository: &str, tag: &str, layers: &[Digest]) -> Digest {
    let layers: Vec<String> = layers
        .iter()
        .map(|digest| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1}}"#))
        .collect();
    let bytes = format!(
        r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
        layers[0],
        layers.join(",")
    );
    let content = store.put(bytes.as_bytes()).unwrap();
    let record = ManifestRecord {
        content,
        size: bytes.len() as u64,
        media_type: "a/b".to_owned(),
        subject: None,
    };
    let change = Change::PutManifest {
        repository: repository.to_owned(),
        name: content.into(),
        record,
        tags: if tag.is_empty() { vec![] } else { vec![tag.to_owned()] },
    };
    store.apply(change).unwrap();
    content
}

#[test]
fn a_folder_keeps_the_laws_of_blob_stores() {
    let scratch = Scratch::new();
    let mut count = 0;
    store::testing::blob_store_laws(|| {
        count += 1;
        open(&scratch.path(&count.to_string())).1
    });
}

#[test]
fn what_was_pushed_is_there_after_a_restart_with_or_without_a_checkpoint() {
    let scratch = Scratch::new();
    let root = scratch.path("r");
    let (blob, manifest) = {
        let (_, mut store) = open(&root);
        let blob = push(&mut store, "a", b"hello");
        (blob, put_manifest(&mut store, "a", "v1", &[blob]))
    };
    for _ in 0..2 {
        let (disk, store) = open(&root);
        assert_eq!(&*store.get(&blob).unwrap(), b"hello");
        assert_eq!(store.blob("a", &blob.into()).unwrap(), Some(blob));
        assert_eq!(store.tag("a", "v1").unwrap(), Some(manifest.into()));
        assert_eq!(disk.check().unwrap(), (2, vec![]));
        disk.checkpoint().unwrap();
    }
}

#[test]
fn a_small_blob_whose_file_was_lost_or_broken_comes_back_from_the_journal() {
    let scratch = Scratch::new();
    let root = scratch.path("r");
    let (first, second) = {
        let (_, mut store) = open(&root);
        (push(&mut store, "a", b"first"), push(&mut store, "a", b"second"))
    };
    fs::remove_file(blobs::path(&root, &first)).unwrap();
    fs::write(blobs::path(&root, &second), b"\0\0\0\0\0\0").unwrap();
    let (disk, store) = open(&root);
    assert_eq!(&*store.get(&first).unwrap(), b"first");
    assert_eq!(&*store.get(&second).unwrap(), b"second");
    assert_eq!(disk.check().unwrap(), (2, vec![]));
}

#[test]
fn an_entry_that_was_cut_off_is_dropped_and_all_before_it_stay() {
    let scratch = Scratch::new();
    let root = scratch.path("r");
    let (first, second) = {
        let (_, mut store) = open(&root);
        (push(&mut store, "a", b"first"), push(&mut store, "a", b"second"))
    };
    let journal = root.join("records/1.journal");
    let bytes = fs::read(&journal).unwrap();
    for cut in 1..20 {
        let copy = scratch.path(&format!("cut-{cut}"));
        copy_folder(&root, &copy);
        fs::write(copy.join("records/1.journal"), &bytes[..bytes.len() - cut]).unwrap();
        let (disk, store) = open(&copy);
        assert_eq!(store.blob("a", &first.into()).unwrap(), Some(first));
        assert_eq!(store.blob("a", &second.into()).unwrap(), None);
        assert_eq!(disk.check().unwrap(), (1, vec![]));
        assert!(copy.join("records/1.torn").exists());
        // What nobody was promised is gone, and can be pushed again.
        assert!(!blobs::path(&copy, &second).exists());
        push(&mut store.clone(), "a", b"second");
        drop((disk, store));
        assert_eq!(open(&copy).0.check().unwrap(), (2, vec![]));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_folder_in_use_or_of_another_program_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let (_disk, _store) = open(&scratch.path("busy"));
    assert!(matches!(Disk::open(&scratch.path("busy")), Err(DiskError::Busy { .. })));
    for (path, reason) in [
        ("docker/docker/registry/v2/blobs/x", "found the data of registry:2"),
        ("other/file", "found other files"),
        ("later/layerlab-registry", "found another"),
    ] {
        let file = scratch.write(path, "layerlab registry 9\n");
        let root = scratch.path(path.split('/').next().unwrap());
        let error = Disk::open(&root).err().expect(path).to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(fs::read(file).unwrap(), b"layerlab registry 9\n");
        assert_eq!(fs::read_dir(root).unwrap().count(), 1, "{path}");
    }
}

#[test]
fn uploads_are_found_again_after_a_restart_and_go_on() {
    let scratch = Scratch::new();
    let root = scratch.path("r");
    let large = vec![7; 3 * (1 << 20) + 5];
    {
        let (disk, _) = open(&root);
        let uploads = DiskUploads::open(disk).unwrap();
        uploads.begin(ID, "a/b", Time::of_secs(50)).unwrap();
        uploads.append(ID, &mut &large[..1_000_000]).unwrap();
    }
    scratch.write("r/uploads/leftover.part", "x");
    scratch.write("r/uploads/5f3ce91c-7f20-44c6-9873-000000000000", "without a label");
    let (disk, store) = open(&root);
    let uploads = DiskUploads::open(disk).unwrap();
    let found = uploads.find(ID).unwrap().unwrap();
    assert_eq!(
        (found.repository.as_str(), found.size, found.started.secs),
        ("a/b", 1_000_000, 50)
    );
    assert_eq!(fs::read_dir(root.join("uploads")).unwrap().count(), 2);
    uploads.append(ID, &mut &large[1_000_000..]).unwrap();
    for like in [AnyDigest::from(Digest::of(b"")), AnyDigest::sha512(b"")] {
        assert_eq!(uploads.digest(ID, &like).unwrap(), like.again(&large));
    }
    assert_eq!(uploads.keep(ID, &mut store.clone()).unwrap(), Digest::of(&large));
    assert_eq!(&*store.get(&Digest::of(&large)).unwrap(), large);
    assert_eq!(
        (
            uploads.count().unwrap(),
            fs::read_dir(root.join("uploads")).unwrap().count()
        ),
        (0, 0)
    );
}

#[test]
fn an_upload_that_is_cut_back_is_hashed_anew_and_an_old_one_expires() {
    let scratch = Scratch::new();
    let (disk, store) = open(scratch.dir());
    let uploads = DiskUploads::open(disk).unwrap();
    uploads.begin(ID, "a", Time::of_secs(50)).unwrap();
    uploads.append(ID, &mut &b"hello, world"[..]).unwrap();
    uploads.truncate(ID, 5).unwrap();
    uploads.append(ID, &mut &b"!"[..]).unwrap();
    let name = AnyDigest::from(Digest::of(b"hello!"));
    assert_eq!(uploads.digest(ID, &name).unwrap(), name);
    uploads.expire(Time::of_secs(50)).unwrap();
    assert_eq!(uploads.count().unwrap(), 1);
    uploads.expire(Time::of_secs(51)).unwrap();
    assert_eq!(uploads.count().unwrap(), 0);
    assert_eq!(fs::read_dir(scratch.path("uploads")).unwrap().count(), 0);
    uploads.begin(ID, "a", Time::of_secs(60)).unwrap();
    assert_eq!(uploads.keep(ID, &mut store.clone()).unwrap(), Digest::of(b""));
}

#[test]
fn of_a_body_that_breaks_off_what_came_stays() {
    struct Breaks(usize);
    impl io::Read for Breaks {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let count = self.0.min(into.len());
            into[..count].fill(b'x');
            self.0 -= count;
            Ok(count)
        }
    }
    let scratch = Scratch::new();
    let (disk, _) = open(scratch.dir());
    let uploads = DiskUploads::open(disk).unwrap();
    uploads.begin(ID, "a", Time::of_secs(0)).unwrap();
    assert!(uploads.append(ID, &mut Breaks(300_000)).is_err());
    assert_eq!(uploads.find(ID).unwrap().unwrap().size, 300_000);
    let name = AnyDigest::from(Digest::of(&vec![b'x'; 300_000]));
    assert_eq!(uploads.digest(ID, &name).unwrap(), name);
}

/// A folder whose clock stands where it is put, in seconds.
fn with_clock(root: &Path) -> (Arc<AtomicU64>, Arc<Disk>, DiskStore) {
    let clock = Arc::new(AtomicU64::new(0));
    let secs = Arc::clone(&clock);
    let now = Box::new(move || Duration::from_secs(secs.load(Ordering::SeqCst)));
    let disk = Arc::new(Disk::open_at(root, now).unwrap());
    (clock, Arc::clone(&disk), DiskStore(disk))
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn what_no_manifest_refers_to_goes_after_its_time_and_the_rest_stays() {
    let scratch = Scratch::new();
    let (clock, disk, mut store) = with_clock(&scratch.path("r"));
    let used = push(&mut store, "a", b"used");
    let unused = push(&mut store, "a", b"unused");
    let elsewhere = push(&mut store, "b", b"used");
    assert_eq!(used, elsewhere);
    let manifest = put_manifest(&mut store, "a", "v1", &[used]);
    assert_eq!(disk.collect(HOUR, Untagged::Keep).unwrap(), Collected::default());
    clock.store(3600, Ordering::SeqCst);
    assert_eq!(disk.collect(HOUR, Untagged::Keep).unwrap(), Collected::default());
    clock.store(3601, Ordering::SeqCst);
    let collected = disk.collect(HOUR, Untagged::Keep).unwrap();
    let expected = [("a".to_owned(), unused.into()), ("b".to_owned(), used.into())];
    assert_eq!((collected.links.as_slice(), collected.bytes), (&expected[..], 6));
    assert_eq!(collected.blobs, [unused]);
    assert!(store.has(&used) && store.has(&manifest) && !store.has(&unused));
    assert_eq!(store.blob("b", &used.into()).unwrap(), None);
    assert_eq!(fs::read_dir(scratch.path("r/trash")).unwrap().count(), 0);
    assert_eq!(disk.check().unwrap(), (2, vec![]));
    drop((disk, store));
    assert_eq!(open(&scratch.path("r")).0.check().unwrap(), (2, vec![]));
}

#[test]
fn who_asks_for_a_blob_keeps_it_for_a_while() {
    let scratch = Scratch::new();
    let (clock, disk, mut store) = with_clock(scratch.dir());
    let blob = push(&mut store, "a", b"hello");
    clock.store(7200, Ordering::SeqCst);
    assert!(store.blob("a", &blob.into()).unwrap().is_some());
    assert_eq!(disk.collect(HOUR, Untagged::Keep).unwrap(), Collected::default());
    clock.store(9000, Ordering::SeqCst);
    assert!(store.blob_anywhere(&blob.into()).unwrap().is_some());
    clock.store(12_000, Ordering::SeqCst);
    assert_eq!(disk.collect(HOUR, Untagged::Keep).unwrap(), Collected::default());
    clock.store(13_000, Ordering::SeqCst);
    assert_eq!(disk.collect(HOUR, Untagged::Keep).unwrap().blobs, [blob]);
}

#[test]
fn manifests_without_a_tag_go_when_asked_for_with_all_that_only_they_name() {
    let scratch = Scratch::new();
    let (clock, disk, mut store) = with_clock(scratch.dir());
    let (kept, gone) = (push(&mut store, "a", b"kept"), push(&mut store, "a", b"gone"));
    let tagged = put_manifest(&mut store, "a", "v1", &[kept]);
    let untagged = put_manifest(&mut store, "a", "", &[gone, kept]);
    clock.store(7200, Ordering::SeqCst);
    assert_eq!(disk.collect(HOUR, Untagged::Keep).unwrap(), Collected::default());
    let planned = disk.collectable(Untagged::Remove).unwrap();
    assert_eq!((planned.manifests.len(), planned.blobs.len()), (1, 2));
    assert!(store.has(&gone) && store.has(&untagged));
    let done = disk.collect(HOUR, Untagged::Remove).unwrap();
    assert_eq!(done.manifests, [("a".to_owned(), untagged.into())]);
    // Its own bytes were put just now as far as the clock goes, two hours ago.
    assert!(store.has(&kept) && store.has(&tagged) && !store.has(&gone) && !store.has(&untagged));
    assert_eq!(disk.check().unwrap(), (2, vec![]));
}

#[test]
fn a_repository_whose_manifest_cannot_be_read_loses_nothing() {
    let scratch = Scratch::new();
    let (clock, disk, mut store) = with_clock(scratch.dir());
    let blob = push(&mut store, "a", b"hello");
    let manifest = put_manifest(&mut store, "a", "v1", &[blob]);
    fs::write(disk.blob_path(&manifest), "{}").unwrap();
    clock.store(7200, Ordering::SeqCst);
    let collected = disk.collect(HOUR, Untagged::Remove).unwrap();
    assert!(collected.blobs.is_empty() && !collected.unreadable.is_empty());
    assert!(store.has(&blob));
    let (_, findings) = disk.check().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
}

#[test]
fn pushes_that_race_with_collections_lose_nothing() {
    let scratch = Scratch::new();
    let (clock, disk, store) = with_clock(&scratch.path("r"));
    let layers: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; 100]).collect();
    let mut old = store.clone();
    for layer in &layers {
        push(&mut old, "garbage", layer);
    }
    // All of it is garbage by now.
    clock.store(7200, Ordering::SeqCst);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut n_blobs = 0;
            while !is_over.load(Ordering::SeqCst) {
                n_blobs += disk.collect(HOUR, Untagged::Keep).unwrap().blobs.len();
            }
            n_blobs
        });
        let pushers: Vec<_> = (0..4)
            .map(|pusher| {
                let (mut store, layers) = (store.clone(), &layers);
                scope.spawn(move || {
                    let mut tags = Vec::new();
                    for at in 0..40 {
                        let bytes = &layers[(at * 7 + pusher * 11) % layers.len()];
                        let digest = Digest::of(bytes);
                        // As a client: mount it from where it is said to be, push it otherwise.
                        let found = store.blob_anywhere(&digest.into()).unwrap();
                        if found.is_some_and(|found| store.has(&found)) {
                            store.apply(add_blob("app", digest)).unwrap();
                        } else {
                            push(&mut store, "app", bytes);
                        }
                        assert!(store.blob("app", &digest.into()).unwrap().is_some());
                        assert!(store.has(&digest), "{digest} was there a moment ago");
                        let tag = format!("t{pusher}-{at}");
                        put_manifest(&mut store, "app", &tag, &[digest]);
                        tags.push((tag, digest));
                    }
                    tags
                })
            })
            .collect();
        let tags: Vec<_> = pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()).collect();
        is_over.store(true, Ordering::SeqCst);
        collector.join().unwrap();
        tags
    });
    assert_eq!(acknowledged.len(), 160);
    drop((disk, store, old));
    let (disk, store) = open(&scratch.path("r"));
    for (tag, digest) in &acknowledged {
        assert!(store.tag("app", tag).unwrap().is_some(), "{tag}");
        assert!(store.get(digest).is_ok(), "{digest}");
    }
    assert_eq!(disk.check().unwrap().1, vec![]);
}

#[test]
fn checkpoints_that_race_with_changes_lose_nothing() {
    let scratch = Scratch::new();
    let root = scratch.path("r");
    let (disk, store) = open(&root);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let mut store = store.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    push(&mut store, "a", format!("{writer} {n}").as_bytes());
                }
            });
        }
        for _ in 0..10 {
            disk.checkpoint().unwrap();
        }
    });
    drop((disk, store));
    let (disk, store) = open(&root);
    for writer in 0..4 {
        for n in 0..50 {
            let digest = Digest::of(format!("{writer} {n}").as_bytes());
            assert_eq!(store.blob("a", &digest.into()).unwrap(), Some(digest));
        }
    }
    assert_eq!(disk.check().unwrap(), (200, vec![]));
}

#[test]
fn a_check_finds_what_is_missing_and_what_is_broken() {
    let scratch = Scratch::new();
    let (disk, mut store) = open(scratch.dir());
    let (gone, broken) = (push(&mut store, "a", b"gone"), push(&mut store, "a", b"broken"));
    put_manifest(&mut store, "a", "v1", &[broken]);
    fs::remove_file(disk.blob_path(&gone)).unwrap();
    fs::write(disk.blob_path(&broken), b"BROKEN").unwrap();
    let (count, mut findings) = disk.check().unwrap();
    let mut expected = vec![
        Finding::Missing(gone),
        Finding::Corrupt {
            expected: broken,
            found: Digest::of(b"BROKEN"),
        },
    ];
    findings.sort();
    expected.sort();
    assert_eq!((count, findings), (1, expected));
}
