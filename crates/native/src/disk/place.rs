//! Where the bytes of a blob are.

use oci::Digest;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Where the bytes of a blob are.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) start: u64,
    pub(super) size: u64,
    pub(super) whose: Whose,
}

/// Whose file it is.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// The blob's own.
    Ours,
    /// That of another blob, in which this one lies.
    Packed(Digest),
    /// Somebody else's.
    Lent,
}

impl Place {
    pub(super) fn whole(path: PathBuf, size: u64, whose: Whose) -> Place {
        Place {
            path,
            start: 0,
            size,
            whose,
        }
    }

    /// So much is read: of a file that grew one byte more, which its digest shows.
    pub(super) fn limit(&self) -> u64 {
        match self.whose {
            Whose::Packed(_) => self.size,
            Whose::Ours | Whose::Lent => self.size.saturating_add(1),
        }
    }

    /// The file, to be read from the blob's first byte on.
    pub(super) fn open(&self) -> io::Result<File> {
        let mut file = open_file(&self.path)?;
        if self.start > 0 {
            file.seek(SeekFrom::Start(self.start))?;
        }
        Ok(file)
    }

    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        self.open()?.take(self.limit()).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Opens a blob's file; an error names the file, as a digest says nothing to a person.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
