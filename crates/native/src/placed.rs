//! A file that is read at any place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use store::ReadAt;

/// A file as it was when it was opened: bytes that are added later do not count.
#[derive(Debug)]
pub struct PlacedFile {
    file: File,
    size: u64,
}

impl PlacedFile {
    /// All of `file`.
    ///
    /// # Errors
    ///
    /// If its size cannot be had.
    pub fn new(file: File) -> io::Result<PlacedFile> {
        let size = file.metadata()?.len();
        Ok(PlacedFile { file, size })
    }
}

impl ReadAt for PlacedFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let room = self.size.saturating_sub(at).min(into.len() as u64) as usize;
        loop {
            match self.file.read_at(&mut into[..room], at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::fs;
    use std::io::Read;
    use std::rc::Rc;
    use store::Source;

    #[test]
    fn a_file_is_read_at_any_place_up_to_the_end_it_had() {
        let scratch = Scratch::new();
        let path = scratch.write("a", "0123456789");
        let source = Source::of(Rc::new(PlacedFile::new(File::open(&path).unwrap()).unwrap()));
        fs::write(&path, "0123456789 and more").unwrap();
        let read = |source: Source| {
            let mut text = String::new();
            source.read().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(read(source.part(3, 4)), "3456");
        assert_eq!(read(source.part(8, 100)), "89");
        assert_eq!(read(source), "0123456789");
    }
}
