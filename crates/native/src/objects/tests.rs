//! Shared stores against S3 over a socket: a server that the crate `s3s-fs` brings, over a folder.

use super::*;
use crate::testing::Scratch;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use oci::{AnyDigest, Digest, Reference, Time};
use registry::{Change, ManifestRecord, MemoryRecords, Records, Uploads};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use store::{BlobStore, StoreError};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// An S3 server with one bucket. It ends when dropped.
struct S3 {
    address: String,
    scratch: Scratch,
    _runtime: Runtime,
}

impl S3 {
    fn start() -> S3 {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.path("s3/team")).unwrap();
        let runtime = Runtime::new().unwrap();
        let files = s3s_fs::FileSystem::new(scratch.path("s3")).unwrap();
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = builder.build();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move {
            // What S3 does in one step, such as to give an object and its tag, this server does in several: one request at a time.
            let working = Arc::new(tokio::sync::Mutex::new(()));
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (service, working) = (service.clone(), Arc::clone(&working));
                let one = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (service, working) = (service.clone(), Arc::clone(&working));
                    async move {
                        let _turn = working.lock_owned().await;
                        service.call(request.map(Into::into)).await
                    }
                });
                tokio::spawn(async move {
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), one)
                        .await;
                });
            }
        });
        S3 {
            address,
            scratch,
            _runtime: runtime,
        }
    }

    fn bucket(&self, prefix: &str) -> Arc<Bucket> {
        let location: Location = format!("s3://team/{prefix}").parse().unwrap();
        let variables = [
            ("AWS_ENDPOINT_URL", self.address.as_str()),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Arc::new(Bucket::at(&location, &owned).unwrap())
    }

    fn blobs(&self, machine: &str, bucket: &Arc<Bucket>) -> SharedBlobs {
        SharedBlobs::open(&self.scratch.path(machine), Arc::clone(bucket), Writes::Behind).unwrap()
    }

    /// The file of an object.
    fn object(&self, key: &str) -> PathBuf {
        self.scratch.path("s3/team").join(key)
    }
}

fn large() -> Vec<u8> {
    (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn name(text: &str) -> Reference {
    Reference::parse(text).unwrap().or_latest()
}

#[test]
fn a_disk_with_a_bucket_behind_it_keeps_the_laws_of_blob_stores() {
    let s3 = S3::start();
    let mut count = 0;
    store::testing::blob_store_laws(|| {
        count += 1;
        let bucket = s3.bucket(&format!("laws{count}"));
        SharedBlobs::open(&s3.scratch.path(&format!("laws{count}")), bucket, Writes::Through).unwrap()
    });
}

#[test]
fn a_bucket_alone_keeps_the_laws_of_blob_stores() {
    let s3 = S3::start();
    let mut count = 0;
    store::testing::blob_store_laws(|| {
        count += 1;
        BucketBlobs::new(s3.bucket(&format!("laws{count}")), s3.scratch.dir().to_owned())
    });
}

#[test]
fn an_upload_grows_in_pieces_and_becomes_a_blob_of_the_bucket() {
    let s3 = S3::start();
    let mut blobs = BucketBlobs::new(s3.bucket("p"), s3.scratch.dir().to_owned());
    let uploads = SpooledUploads::new(s3.scratch.dir().to_owned());
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
fn what_one_machine_shares_another_reads_in_one_piece_or_in_parts() {
    let s3 = S3::start();
    let bucket = s3.bucket("a/b");
    let (mut one, two) = (s3.blobs("one", &bucket), s3.blobs("two", &bucket));
    for bytes in [b"".to_vec(), b"small".to_vec(), large()] {
        let digest = one.put(&bytes).unwrap();
        one.local().sync().unwrap();
        assert!(!two.has(&digest), "nothing goes to the bucket before it is shared");
        one.share([&digest]).unwrap();
        assert_eq!(two.size(&digest), Some(bytes.len() as u64));
        assert_eq!(&*two.get(&digest).unwrap(), bytes);
        // It is here now.
        fs::remove_file(s3.object(&format!("a/b/{}", shared::key(&digest)))).unwrap();
        assert_eq!(&*two.get(&digest).unwrap(), bytes);
    }
}

#[test]
fn a_blob_that_is_nowhere_is_missing_and_cannot_be_shared() {
    let s3 = S3::start();
    let blobs = s3.blobs("one", &s3.bucket("p"));
    let digest = Digest::of(b"nowhere");
    assert!(matches!(blobs.get(&digest), Err(StoreError::Missing { .. })));
    assert!(matches!(blobs.share([&digest]), Err(StoreError::Missing { .. })));
}

#[test]
fn wrong_bytes_in_the_bucket_are_refused_and_not_kept() {
    let s3 = S3::start();
    let bucket = s3.bucket("p");
    let (mut one, two) = (s3.blobs("one", &bucket), s3.blobs("two", &bucket));
    let digest = one.put(b"right").unwrap();
    one.local().sync().unwrap();
    one.share([&digest]).unwrap();
    bucket.put(&shared::key(&digest), "wrong").unwrap();
    for _ in 0..2 {
        let error = two.get(&digest).unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt { expected, found } if expected == digest && found == Digest::of(b"wrong"))
        );
    }
    bucket.put(&shared::key(&digest), "right").unwrap();
    assert_eq!(&*two.get(&digest).unwrap(), b"right", "nothing wrong was kept");
}

#[test]
fn wrong_bytes_on_this_machine_do_not_reach_the_bucket() {
    let s3 = S3::start();
    let bucket = s3.bucket("p");
    let mut one = s3.blobs("one", &bucket);
    let digest = one.put(b"right").unwrap();
    one.local().sync().unwrap();
    fs::write(s3.scratch.path("one/blobs/sha256").join(digest.hex()), "wrong").unwrap();
    assert!(one.share([&digest]).is_err());
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
    let bucket = s3.bucket("p");
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
            let (bucket, site) = (s3.bucket("p"), &site);
            scope.spawn(move || {
                for round in 0..2 {
                    let manifest = Digest::of(format!("{writer} {round}").as_bytes());
                    give(&bucket, site, manifest, 1).unwrap();
                }
            });
        }
    });
    let document = find(&s3.bucket("p"), &site).unwrap().unwrap();
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
    let bucket = s3.bucket("");
    give(&bucket, &name("localhost:5000/a/b:v1"), Digest::of(b"m"), 7).unwrap();
    assert_eq!(find(&bucket, &name("localhost:5000/a/b:v1")).unwrap().unwrap().size, 7);
    for other in ["localhost:5000/a/b", "localhost:5000/a:v1", "a/b:v1"] {
        assert_eq!(find(&bucket, &name(other)).unwrap(), None, "{other}");
    }
}

#[test]
fn writes_on_a_condition_happen_once() {
    let s3 = S3::start();
    let bucket = s3.bucket("p");
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
    let bucket = s3.bucket("p");
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
    assert_eq!(drive(&BucketRecords::new(s3.bucket(""))).unwrap(), in_memory);
}
