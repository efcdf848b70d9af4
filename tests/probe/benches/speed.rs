//! What `cargo xtask bench` measures natively. Each figure's name is what its table looks for.
#![allow(missing_docs, reason = "criterion's macros make the functions")]
#![allow(clippy::print_stderr, reason = "what is measured is said beside the figures")]

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Throughput, criterion_group, criterion_main};
use probe::{CachedPreview, samples};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;
use store::{BlobStore, Change, ChangeKind, Changeset, Content, Layer, MemoryBlobs, Meta, Node, TreePath, write_tar};

type Criterion = criterion::Criterion<ProcessorTime>;

/// Processor time of this thread: what else the machine does counts little.
struct ProcessorTime;

impl Measurement for ProcessorTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
    }

    fn end(&self, begun: Duration) -> Duration {
        self.start().saturating_sub(begun)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// 200 lines through parser, planner and checks.
fn check(criterion: &mut Criterion) {
    let text = samples::dockerfile_of_200_lines();
    assert_eq!(text.lines().count(), 200);
    criterion.bench_function("check-200-lines", |bencher| {
        bencher.iter(|| samples::check(black_box(&text)));
    });
}

/// The page's preview of 50 cached steps over 2,000 files.
fn preview(criterion: &mut Criterion) {
    let mut cached = CachedPreview::new();
    criterion.bench_function("preview-50-steps", |bencher| bencher.iter(|| cached.preview()));
}

/// 400 files, 40 MiB, that nothing compresses or shares.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // Xorshift: bytes that differ, the same on every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let file = |index: usize| {
        let size = 1024 + (index % 20) * 10 * 1024;
        let bytes = (0..size / 8).flat_map(|_| next().to_le_bytes()).collect();
        (format!("file-{index:03}"), bytes)
    };
    (0..400).map(file).collect()
}

/// Taking files into a store, writing them as a layer, and plain SHA-256 over the same bytes.
fn layers(criterion: &mut Criterion) {
    let files = files();
    let mut blobs = MemoryBlobs::default();
    let change = |(path, bytes): &(String, Vec<u8>)| {
        let content = Content::Blob {
            digest: blobs.put(bytes).expect("memory takes it"),
            size: bytes.len() as u64,
        };
        Change {
            path: TreePath::parse(path).expect("a good path"),
            kind: ChangeKind::Put(Node::file(Meta::of_mode(0o644), content)),
        }
    };
    let changes = Changeset {
        changes: files.iter().map(change).collect(),
    };
    let mut tar = Vec::new();
    write_tar(&changes, &blobs, &mut tar).expect("memory takes it");
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();

    let mut group = criterion.benchmark_group("bytes");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("take-files", |bencher| {
        bencher.iter_batched_ref(
            MemoryBlobs::default,
            |blobs| {
                for (_, bytes) in &files {
                    blobs.put(black_box(bytes)).expect("memory takes it");
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Bytes(tar.len() as u64));
    group.bench_function("sha256-tar", |bencher| bencher.iter(|| Sha256::digest(black_box(&tar))));
    group.bench_function("write-layer", |bencher| {
        bencher.iter_batched(
            || changes.clone(),
            |changes| Layer::make(changes, None, &blobs).expect("everything is there"),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// Parsers over published Dockerfiles, those of the folder that `LAYERLAB_DOCKERFILES` names.
fn parsers(criterion: &mut Criterion) {
    let Some(folder) = std::env::var_os("LAYERLAB_DOCKERFILES").map(PathBuf::from) else {
        return;
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of Dockerfiles")
        .map(|entry| entry.expect("a readable folder").path().join("Dockerfile"))
        .collect();
    paths.sort();
    let texts: Vec<String> = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("a Dockerfile in UTF-8"))
        .collect();
    let understood = texts
        .iter()
        .filter(|text| parse_dockerfile::parse(text).is_ok())
        .count();
    eprintln!("parse-dockerfile reads {understood} of {} Dockerfiles", texts.len());
    let mut group = criterion.benchmark_group("published");
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            for text in &texts {
                black_box(dockerfile::parse(black_box(text)));
            }
        });
    });
    group.bench_function("parse-dockerfile", |bencher| {
        bencher.iter(|| {
            for text in &texts {
                // What it cannot read is an answer too.
                let _ = black_box(parse_dockerfile::parse(black_box(text)));
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = speed;
    config = criterion::Criterion::default().with_measurement(ProcessorTime).sample_size(20).without_plots();
    targets = check, preview, layers, parsers
}
criterion_main!(speed);
