//! Packs the page into the program if the feature `page` is on: every file of the folder in `LAYERLAB_PAGE`, compressed with brotli.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "page")]
    page::pack();
}

#[cfg(feature = "page")]
mod page {
    use std::fmt::Write;
    use std::fs;
    use std::io::Write as _;
    use std::path::{Path, PathBuf};

    /// Brotli's levels go to 11, which takes several times as long for a few percent.
    const QUALITY: u32 = 9;
    const WINDOW: u32 = 24;

    pub(super) fn pack() {
        println!("cargo::rerun-if-env-changed=LAYERLAB_PAGE");
        let folder = std::env::var_os("LAYERLAB_PAGE").map(PathBuf::from);
        let folder = folder.filter(|folder| folder.join("index.html").is_file()).unwrap_or_else(|| {
            panic!("expected the folder of a built page in LAYERLAB_PAGE, found none: run `cargo xtask dist`, which sets it")
        });
        println!("cargo::rerun-if-changed={}", folder.display());
        let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
        let mut files = Vec::new();
        collect(&folder, &folder, &mut files);
        files.sort();
        let mut table = String::from("/// Path and bytes, in order of path.\nstatic FILES: &[(&str, &[u8])] = &[\n");
        for (number, (name, place)) in files.iter().enumerate() {
            let packed = out.join(format!("{number}.br"));
            fs::write(&packed, compressed(&fs::read(place).expect("it was just listed")))
                .expect("OUT_DIR can be written");
            let packed = packed.to_str().expect("the build's folder has a plain name");
            writeln!(table, "    ({name:?}, include_bytes!({packed:?})),").expect("text grows");
        }
        table.push_str("];\n");
        fs::write(out.join("page.rs"), table).expect("OUT_DIR can be written");
    }

    fn collect(top: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
        for entry in fs::read_dir(folder).expect("the page can be read") {
            let place = entry.expect("the page can be read").path();
            if place.is_dir() {
                collect(top, &place, files);
            } else {
                let name = place.strip_prefix(top).expect("it is below the top");
                files.push((name.to_str().expect("names of the page are plain").to_owned(), place));
            }
        }
    }

    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut writer = brotli::CompressorWriter::new(&mut packed, 64 << 10, QUALITY, WINDOW);
        writer.write_all(bytes).expect("memory can be written");
        drop(writer);
        packed
    }
}
