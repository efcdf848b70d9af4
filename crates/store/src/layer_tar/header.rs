//! One 512-byte header as Go's `archive/tar` fills it, over the `tar` crate's layout of fields.

use super::BLOCK;
use tar::{EntryType, Header};

/// Octal digits that a field of `width` bytes has room for.
fn fits(width: u32, number: i64) -> bool {
    u64::try_from(number).is_ok_and(|number| number < 1 << (3 * (width - 1)))
}

/// Whether a number fits the fields for owners (8 bytes) as octal digits.
pub(super) fn fits_small(number: i64) -> bool {
    fits(8, number)
}

/// Whether a number fits the fields for size and time (12 bytes) as octal digits.
pub(super) fn fits_large(number: i64) -> bool {
    fits(12, number)
}

/// The fields of a header. Numbers that do not fit are written as 0; a PAX record holds them then.
pub(super) struct Fields<'a> {
    pub kind: EntryType,
    /// At most 100 bytes are written.
    pub name: &'a [u8],
    pub prefix: &'a [u8],
    pub link: &'a [u8],
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub mtime: i64,
    /// Major and minor; `None` leaves the fields empty.
    pub device: Option<(u32, u32)>,
}

impl Fields<'_> {
    /// The header: USTAR's magic, checksum as six digits, NUL and blank, no names of owners.
    pub(super) fn to_block(&self) -> [u8; BLOCK] {
        let mut header = Header::new_ustar();
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_uid(if fits_small(self.uid.into()) {
            self.uid.into()
        } else {
            0
        });
        header.set_gid(if fits_small(self.gid.into()) {
            self.gid.into()
        } else {
            0
        });
        let size = i64::try_from(self.size)
            .ok()
            .filter(|size| fits_large(*size))
            .unwrap_or(0);
        header.set_size(size.unsigned_abs());
        let mtime = if fits_large(self.mtime) { self.mtime } else { 0 };
        header.set_mtime(mtime.unsigned_abs());
        let ustar = header.as_ustar_mut().expect("it was made as USTAR");
        fill(&mut ustar.name, self.name);
        fill(&mut ustar.linkname, self.link);
        fill(&mut ustar.prefix, self.prefix);
        if let Some((major, minor)) = self.device {
            ustar.set_device_major(major);
            ustar.set_device_minor(minor);
        }
        let sum: u32 = checksum(header.as_bytes());
        // The crate writes seven digits and NUL.
        header.as_old_mut().cksum = *format!("{sum:06o}\0 ").as_bytes().first_chunk().expect("eight bytes");
        *header.as_bytes()
    }
}

fn fill(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
    // Some readers take a name that ends in a slash for a directory: a cut must not make one.
    if text.len() > field.len() && field[length - 1] == b'/' {
        let end = field.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
        field[end] = 0;
    }
}

/// The sum of all bytes, those of the checksum taken as blanks.
pub(super) fn checksum(block: &[u8; BLOCK]) -> u32 {
    let (before, rest) = block.split_at(148);
    before
        .iter()
        .chain(&rest[8..])
        .map(|byte| u32::from(*byte))
        .sum::<u32>()
        + 8 * u32::from(b' ')
}
