//! Shared stores against S3 over a socket: a server that the crate `s3s-fs` brings, over a folder.

use super::*;
use crate::disk::DiskBlobs;
use oci::{AnyDigest, Digest, Reference, Time};
use registry::{Change, ManifestRecord, MemoryRecords, Records, Uploads};
use s3::S3;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::sync::Arc;
use std::thread;
use store::{BlobStore, StoreError};

#[path = "../../tests/s3/mod.rs"]
mod s3;

fn bucket(s3: &S3, prefix: &str) -> Arc<Bucket> {
    let location: Location = format!("s3://team/{prefix}").parse().unwrap();
    let variables = s3.variables().map(|(name, value)| (name.to_owned(), value));
    Arc::new(Bucket::at(&location, &variables).unwrap())
}

fn blobs(s3: &S3, machine: &str) -> DiskBlobs {
    DiskBlobs::open(&s3.folder.join(machine)).unwrap()
}

fn large() -> Vec<u8> {
    (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn name(text: &str) -> Reference {
    Reference::parse(text).unwrap().or_latest()
}

#[test]
fn a_bucket_alone_keeps_the_laws_of_blob_stores() {
    let s3 = S3::start();
    let mut count = 0;
    store::testing::blob_store_laws(|| {
        count += 1;
        BucketBlobs::new(bucket(&s3, &format!("laws{count}")), s3.folder.clone())
    });
}

#[test]
fn an_upload_grows_in_pieces_and_becomes_a_blob_of_the_bucket() {
    let s3 = S3::start();
    let mut blobs = BucketBlobs::new(bucket(&s3, "p"), s3.folder.clone());
    let uploads = SpooledUploads::new(s3.folder.clone());
    uploads.begin("id", "a", Time::of_secs(5)).unwrap();
    uploads.append("id", &mut &b"hello, all"[..]).unwrap();
    uploads.truncate("id", 7).unwrap();
    uploads.append("id", &mut &b"world"[..]).unwrap();
    assert_eq!(uploads.find("id").unwrap().unwrap().size, 12);
    let digest = Digest::of(b"hello, world");
    let like = AnyDigest::Sha256(digest);
    assert_eq!(uploads.digest("id", &like).unwrap(), like);
    assert_eq!(uploads.keep("id", &mut blobs).unwrap(), digest);
    assert_eq!(&*blobs.get(&digest).unwrap(), b"hello, world");
    let mut read = String::new();
    blobs.file(&digest).unwrap().read_to_string(&mut read).unwrap();
    assert_eq!(read, "hello, world");
    assert_eq!(uploads.count().unwrap(), 0);
    uploads.begin("old", "a", Time::of_secs(5)).unwrap();
    uploads.expire(Time::of_secs(6)).unwrap();
    assert_eq!(uploads.find("old").unwrap(), None);
}

#[test]
fn what_one_machine_shares_another_has() {
    let s3 = S3::start();
    let bucket = bucket(&s3, "a/b");
    let (mut one, mut two) = (blobs(&s3, "one"), blobs(&s3, "two"));
    for bytes in [b"".to_vec(), b"small".to_vec(), large()] {
        let digest = one.put(&bytes).unwrap();
        assert!(
            fetch(&bucket, &digest, &mut two).is_err(),
            "nothing is there before it is shared"
        );
        share(&bucket, &digest, &one).unwrap();
        fetch(&bucket, &digest, &mut two).unwrap();
        assert_eq!(&*two.get(&digest).unwrap(), bytes);
        // Once more is nothing.
        fs::write(s3.object(&format!("a/b/{}", shared::key(&digest))), &bytes).unwrap();
        share(&bucket, &digest, &one).unwrap();
    }
}

#[test]
fn a_blob_that_is_nowhere_is_missing_and_cannot_be_shared() {
    let s3 = S3::start();
    let (bucket, mut blobs) = (bucket(&s3, "p"), blobs(&s3, "one"));
    let digest = Digest::of(b"nowhere");
    assert!(matches!(
        fetch(&bucket, &digest, &mut blobs),
        Err(StoreError::Missing { .. })
    ));
    assert!(matches!(
        share(&bucket, &digest, &blobs),
        Err(StoreError::Missing { .. })
    ));
}

#[test]
fn wrong_bytes_in_the_bucket_are_refused_and_not_kept() {
    let s3 = S3::start();
    let (bucket, mut two) = (bucket(&s3, "p"), blobs(&s3, "two"));
    let digest = Digest::of(b"right");
    bucket.put(&shared::key(&digest), "wrong").unwrap();
    let error = fetch(&bucket, &digest, &mut two).unwrap_err();
    assert!(
        matches!(error, StoreError::Corrupt { expected, found } if expected == digest && found == Digest::of(b"wrong"))
    );
    assert!(!two.has(&digest));
    bucket.put(&shared::key(&digest), "right").unwrap();
    fetch(&bucket, &digest, &mut two).unwrap();
    assert_eq!(&*two.get(&digest).unwrap(), b"right", "nothing wrong was kept");
}

#[test]
fn wrong_bytes_on_this_machine_do_not_reach_the_bucket() {
    let s3 = S3::start();
    let (bucket, mut one) = (bucket(&s3, "p"), blobs(&s3, "one"));
    let digest = one.put(b"right").unwrap();
    one.sync().unwrap();
    fs::write(s3.folder.join("one/blobs/sha256").join(digest.hex()), "wrong").unwrap();
    assert!(share(&bucket, &digest, &one).is_err());
    assert_eq!(bucket.size(&shared::key(&digest)).unwrap(), None);
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing_under_its_name() {
    struct Broken(usize);
    impl Read for Broken {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            let count = into.len().min(self.0);
            self.0 -= count;
            Ok(count)
        }
    }
    let s3 = S3::start();
    let bucket = bucket(&s3, "p");
    for bytes in [0, 1000, 20 << 20] {
        assert!(matches!(
            bucket.upload("blob", &mut Broken(bytes)),
            Err(BucketError::Source(_))
        ));
        assert_eq!(bucket.size("blob").unwrap(), None, "after {bytes} bytes");
    }
}

#[test]
fn of_eight_writers_of_one_name_none_loses_its_update() {
    let s3 = S3::start();
    let site = name("site");
    thread::scope(|scope| {
        for writer in 0..8 {
            let (bucket, site) = (bucket(&s3, "p"), &site);
            scope.spawn(move || {
                for round in 0..2 {
                    let manifest = Digest::of(format!("{writer} {round}").as_bytes());
                    give(&bucket, site, manifest, 1).unwrap();
                }
            });
        }
    });
    let document = find(&bucket(&s3, "p"), &site).unwrap().unwrap();
    assert_eq!(document.generation, 16);
    let mut all: BTreeSet<Digest> = document.earlier.iter().copied().collect();
    all.insert(document.manifest);
    let expected =
        (0..8).flat_map(|writer| (0..2).map(move |round| Digest::of(format!("{writer} {round}").as_bytes())));
    assert_eq!(all, expected.collect());
}

#[test]
fn a_name_is_found_by_its_full_form_only() {
    let s3 = S3::start();
    let bucket = bucket(&s3, "");
    give(&bucket, &name("localhost:5000/a/b:v1"), Digest::of(b"m"), 7).unwrap();
    assert_eq!(find(&bucket, &name("localhost:5000/a/b:v1")).unwrap().unwrap().size, 7);
    for other in ["localhost:5000/a/b", "localhost:5000/a:v1", "a/b:v1"] {
        assert_eq!(find(&bucket, &name(other)).unwrap(), None, "{other}");
    }
}

#[test]
fn writes_on_a_condition_happen_once() {
    let s3 = S3::start();
    let bucket = bucket(&s3, "p");
    assert!(bucket.create("x", "1").unwrap());
    assert!(!bucket.create("x", "2").unwrap());
    let (_, first) = bucket.get("x").unwrap().unwrap();
    assert!(bucket.replace("x", "3", first.clone()).unwrap());
    assert!(!bucket.replace("x", "4", first).unwrap());
    assert_eq!(&*bucket.get("x").unwrap().unwrap().0, b"3");
}

#[test]
fn what_builds_learned_is_read_once_and_never_if_it_is_damaged() {
    let s3 = S3::start();
    let bucket = bucket(&s3, "p");
    let first = publish(&bucket, b"first").unwrap();
    publish(&bucket, b"first").unwrap();
    publish(&bucket, b"second").unwrap();
    let damaged = Digest::of(b"third");
    bucket.put(&format!("caches/{}", damaged.hex()), "not third").unwrap();
    bucket.put("caches/no-digest", "x").unwrap();
    let mut known = BTreeSet::from([first]);
    assert_eq!(learn(&bucket, &mut known).unwrap(), [b"second".to_vec()]);
    assert_eq!(learn(&bucket, &mut known).unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_server_that_is_not_there_is_one_line() {
    let s3 = S3::start();
    let location: Location = "s3://absent-bucket".parse().unwrap();
    let variables = [
        ("AWS_ENDPOINT_URL".to_owned(), s3.address.clone()),
        ("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), "wrong".to_owned()),
    ];
    let bucket = Bucket::at(&location, &variables).unwrap();
    let error = bucket.put("x", "1").unwrap_err().to_string();
    assert!(
        error.starts_with("the bucket cannot be used: ") && !error.contains('\n'),
        "{error}"
    );
}

/// The same calls on the records of the reference, which are in memory, and on those in a bucket. Without a prefix: this
/// server cannot hold keys of more than 164 bytes, where S3 takes 1024.
#[test]
fn records_in_a_bucket_are_those_in_memory() {
    let s3 = S3::start();
    let digest = |text: &str| Digest::of(text.as_bytes());
    let any = |text: &str| AnyDigest::Sha256(digest(text));
    let record = |text: &str, subject: Option<AnyDigest>| ManifestRecord {
        content: digest(text),
        size: text.len() as u64,
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        subject,
    };
    let tags = |list: &[&str]| list.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let put = |records: &dyn Records, name, record, tags| {
        let repository = "a/b".to_owned();
        records.apply(Change::PutManifest {
            repository,
            name,
            record,
            tags,
        })
    };
    let drive = |records: &dyn Records| -> std::io::Result<String> {
        let mut said = Vec::new();
        for repository in ["a", "a-b", "a/b", "b"] {
            records.apply(Change::AddBlob {
                repository: repository.to_owned(),
                name: any("blob"),
                content: digest("blob"),
            })?;
        }
        put(records, any("m"), record("m", None), tags(&["v1", "v2", "latest"]))?;
        put(records, any("s"), record("s", Some(any("m"))), Vec::new())?;
        put(records, any("t"), record("t", Some(any("m"))), tags(&["v2"]))?;
        said.push(format!("{:?}", records.repositories("", 10)?));
        said.push(format!("{:?}", records.repositories("a-b", 1)?));
        said.push(format!("{:?}", records.has_repository("c")?));
        said.push(format!("{:?}", records.blob("b", &any("blob"))?));
        said.push(format!("{:?}", records.blob("b", &any("other"))?));
        said.push(format!("{:?}", records.tags("a/b", "", 10)?));
        said.push(format!("{:?}", records.tags("a/b", "latest", 1)?));
        said.push(format!("{:?}", records.tag("a/b", "v2")?));
        said.push(format!("{:?}", records.manifest("a/b", &any("s"))?));
        said.push(format!("{:?}", records.referrers("a/b", &any("m"), None, 10)?));
        let first = records.referrers("a/b", &any("m"), None, 1)?;
        said.push(format!("{:?}", records.referrers("a/b", &any("m"), first.first(), 10)?));
        said.push(format!(
            "{:?}",
            records.apply(Change::RemoveManifest {
                repository: "a/b".to_owned(),
                name: any("t")
            })?
        ));
        said.push(format!(
            "{:?}",
            records.apply(Change::RemoveManifest {
                repository: "a/b".to_owned(),
                name: any("t")
            })?
        ));
        said.push(format!("{:?}", records.tag("a/b", "v2")?));
        said.push(format!("{:?}", records.referrers("a/b", &any("m"), None, 10)?));
        said.push(format!(
            "{:?}",
            records.apply(Change::RemoveTag {
                repository: "a/b".to_owned(),
                tag: "v1".to_owned()
            })?
        ));
        for repository in ["a", "a-b", "a/b"] {
            said.push(format!(
                "{:?}",
                records.apply(Change::RemoveBlob {
                    repository: repository.to_owned(),
                    name: any("blob")
                })?
            ));
        }
        said.push(format!("{:?}", records.blob_anywhere(&any("blob"))?));
        said.push(format!(
            "{:?}",
            records.apply(Change::RemoveBlob {
                repository: "b".to_owned(),
                name: any("blob")
            })?
        ));
        said.push(format!("{:?}", records.blob_anywhere(&any("blob"))?));
        Ok(said.join("\n"))
    };
    let in_memory = drive(&MemoryRecords::default()).unwrap();
    assert_eq!(drive(&BucketRecords::new(bucket(&s3, ""))).unwrap(), in_memory);
}
