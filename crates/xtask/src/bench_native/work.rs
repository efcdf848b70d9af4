//! The folders that are built: twenty commands, ten thousand files, one large file.

use super::Bench;
use crate::failure::Failure;
use crate::{files, process};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

pub(crate) const N_RUNS: u32 = 20;
const N_FILES: u32 = 10_000;
const FILE_BYTES: usize = 10 << 10;
const LARGE_BYTES: u64 = 1 << 30;

/// A build context, and what it is called.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) folder: PathBuf,
}

/// Lays the build contexts out.
pub(crate) fn lay_out(bench: &Bench) -> Result<[Work; 3], Failure> {
    let folder = |name: &str| bench.folder.join("work").join(name);
    let works = [
        Work {
            name: "runs",
            title: "20 trivial RUN steps on busybox",
            folder: folder("runs"),
        },
        Work {
            name: "files",
            title: "COPY of 10,000 files of 10 KiB",
            folder: folder("files"),
        },
        Work {
            name: "large",
            title: "COPY of one random file of 1 GiB",
            folder: folder("large"),
        },
    ];
    runs(&works[0].folder)?;
    many(&works[1].folder)?;
    files::write(&works[2].folder.join("Dockerfile"), "FROM scratch\nCOPY large /large\n")?;
    random_file(&works[2].folder.join("large"), LARGE_BYTES, 2)?;
    Ok(works)
}

fn runs(folder: &Path) -> Result<(), Failure> {
    let steps = (1..=N_RUNS).map(|step| format!("RUN echo {step}\n"));
    let text = format!(
        "FROM scratch\nCOPY busybox /bin/sh\n{}",
        steps.collect::<Vec<_>>().concat()
    );
    files::write(&folder.join("Dockerfile"), text)?;
    let busybox = process::find("busybox")
        .ok_or_else(|| Failure::new("expected busybox, found none", "install busybox-static"))?;
    let place = folder.join("busybox");
    fs::copy(&busybox, &place).map_err(|error| Failure::io(format!("could not copy {}", busybox.display()), &error))?;
    Ok(())
}

fn many(folder: &Path) -> Result<(), Failure> {
    files::write(&folder.join("Dockerfile"), "FROM scratch\nCOPY data /data\n")?;
    let mut random = Random(1);
    let mut bytes = vec![0; FILE_BYTES];
    for file in 0..N_FILES {
        random.fill(&mut bytes);
        files::write(&folder.join(format!("data/{:02}/{file}", file % 100)), &bytes)?;
    }
    Ok(())
}

/// A file whose bytes no compressor makes smaller, the same for each `seed`.
pub(crate) fn random_file(path: &Path, size: u64, seed: u64) -> Result<(), Failure> {
    let failed = |error| Failure::io(format!("could not write {}", path.display()), &error);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let mut random = Random(seed);
    let mut piece = vec![0; 1 << 20];
    let mut left = size;
    while left > 0 {
        let count = left.min(piece.len() as u64) as usize;
        random.fill(&mut piece[..count]);
        file.write_all(&piece[..count]).map_err(failed)?;
        left -= count as u64;
    }
    file.flush().map_err(failed)
}

/// Marsaglia's xorshift64*: noise that is the same in every run.
struct Random(u64);

impl Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            let word = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes();
            piece.copy_from_slice(&word[..piece.len()]);
        }
    }
}
