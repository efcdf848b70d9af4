//! Images to push: OCI layouts whose layers hold noise, compressed already, so that nobody has to.

use super::work::random_file;
use crate::failure::Failure;
use crate::{files, process};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Writes an OCI layout at `folder` with one image called `bench`: a layer of each size.
pub(super) fn layout(folder: &Path, sizes: &[u64]) -> Result<(), Failure> {
    let blobs = folder.join("blobs/sha256");
    files::create_dir(&blobs)?;
    let (mut diff_ids, mut layers) = (Vec::new(), Vec::new());
    for (number, size) in sizes.iter().enumerate() {
        let noise = folder.join("noise");
        random_file(&noise, *size, 100 + number as u64)?;
        let tar = folder.join("layer.tar");
        let mut pack = Command::new("tar");
        pack.args(["--mtime=@0", "--owner=0", "--group=0", "-cf"]).arg(&tar);
        process::run_quietly(pack.arg("-C").arg(folder).arg("noise"))?;
        diff_ids.push(format!("\"sha256:{}\"", sha256(&tar)?));
        process::run_quietly(Command::new("gzip").args(["-1", "-n", "-f"]).arg(&tar))?;
        layers.push(keep(&folder.join("layer.tar.gz"), "layer.v1.tar+gzip", &blobs)?);
        remove(&noise)?;
    }
    let config = folder.join("config");
    let rootfs = format!("{{\"type\":\"layers\",\"diff_ids\":[{}]}}", diff_ids.join(","));
    files::write(
        &config,
        format!("{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{}},\"rootfs\":{rootfs}}}"),
    )?;
    let config = keep(&config, "config.v1+json", &blobs)?;
    let manifest = folder.join("manifest");
    let text = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{config},\"layers\":[{}]}}",
        layers.join(",")
    );
    files::write(&manifest, text)?;
    let manifest = keep(&manifest, "manifest.v1+json", &blobs)?;
    let named = manifest.replacen(
        '{',
        "{\"annotations\":{\"org.opencontainers.image.ref.name\":\"bench\",\"io.containerd.image.name\":\"docker.io/library/bench:latest\"},",
        1,
    );
    files::write(
        &folder.join("index.json"),
        format!("{{\"schemaVersion\":2,\"manifests\":[{named}]}}"),
    )?;
    files::write(&folder.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")
}

/// Moves a file among the blobs and returns its descriptor.
fn keep(file: &Path, kind: &str, blobs: &Path) -> Result<String, Failure> {
    let digest = sha256(file)?;
    let failed = |error| Failure::io(format!("could not keep {}", file.display()), &error);
    let size = fs::metadata(file).map_err(failed)?.len();
    fs::rename(file, blobs.join(&digest)).map_err(failed)?;
    Ok(format!(
        "{{\"mediaType\":\"application/vnd.oci.image.{kind}\",\"digest\":\"sha256:{digest}\",\"size\":{size}}}"
    ))
}

pub(super) fn sha256(file: &Path) -> Result<String, Failure> {
    let text = process::output(Command::new("sha256sum").arg(file));
    text.and_then(|text| Some(text.split_whitespace().next()?.to_owned()))
        .ok_or_else(|| {
            Failure::new(
                format!("could not hash {}", file.display()),
                "sha256sum comes with coreutils",
            )
        })
}

fn remove(file: &Path) -> Result<(), Failure> {
    fs::remove_file(file).map_err(|error| Failure::io(format!("could not remove {}", file.display()), &error))
}
