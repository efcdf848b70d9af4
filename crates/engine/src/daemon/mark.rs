//! The mark at the head of an exported filesystem that says that something in it is simulated.
//!
//! It is a global PAX header with one record of our own: everybody else passes it over.

use super::Refusal;
use builder::Fidelity;
use std::io::{Cursor, Read, Write};
use store::LayerError;

const RECORD: &str = "LAYERLAB.fidelity=simulated";
const BLOCK: usize = 512;

/// Writes the mark if something is simulated.
pub(crate) fn write_mark(fidelity: Fidelity, sink: &mut dyn Write) -> Result<(), Refusal> {
    if fidelity == Fidelity::Simulated {
        sink.write_all(&mark()).map_err(LayerError::Write)?;
    }
    Ok(())
}

/// Takes the mark off the head of a tar: what it says, and the tar without it.
pub(crate) fn take_mark<'a>(tar: &'a mut dyn Read) -> Result<(Fidelity, Box<dyn Read + 'a>), Refusal> {
    let mut head = Vec::new();
    tar.take(2 * BLOCK as u64)
        .read_to_end(&mut head)
        .map_err(LayerError::Read)?;
    if head == mark() {
        return Ok((Fidelity::Simulated, Box::new(tar)));
    }
    Ok((Fidelity::Exact, Box::new(Cursor::new(head).chain(tar))))
}

/// A header of type `g` and its one record, a block each.
///
/// Source: POSIX, pax, "pax Extended Header".
fn mark() -> Vec<u8> {
    // "LENGTH RECORD\n", the length counting itself.
    let record = format!("{} {RECORD}\n", RECORD.len() + 4);
    let mut block = vec![0; 2 * BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"pax_global_header");
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", record.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"g");
    put(257, b"ustar\x0000");
    put(BLOCK, record.as_bytes());
    let sum: u32 = block[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Limits, MemoryBlobs, Whiteouts, read_tar};

    #[test]
    fn the_mark_is_a_header_that_every_reader_passes_over() {
        let record = &mark()[BLOCK..];
        let end = record.iter().position(|byte| *byte == 0).expect("it is padded");
        assert_eq!(&record[..end], b"31 LAYERLAB.fidelity=simulated\n");
        assert_eq!(end, 31);
        let mut tar = Vec::new();
        write_mark(Fidelity::Simulated, &mut tar).expect("memory takes it");
        tar.extend([0; 1024]);
        let read = read_tar(
            &mut tar.as_slice(),
            &Limits::default(),
            Whiteouts::Keep,
            &mut MemoryBlobs::default(),
        );
        assert!(read.expect("a sound tar").changes.is_empty());
    }

    #[test]
    fn a_mark_is_taken_off_and_nothing_else() {
        let mut rest = Vec::new();
        let marked = [mark(), b"rest".to_vec()].concat();
        let mut source = marked.as_slice();
        let (fidelity, mut tar) = take_mark(&mut source).expect("it can be read");
        tar.read_to_end(&mut rest).expect("memory");
        assert_eq!((fidelity, rest.as_slice()), (Fidelity::Simulated, &b"rest"[..]));
        for plain in [&b""[..], b"short", &[7; 2000]] {
            let mut rest = Vec::new();
            let mut source = plain;
            let (fidelity, mut tar) = take_mark(&mut source).expect("it can be read");
            tar.read_to_end(&mut rest).expect("memory");
            assert_eq!((fidelity, rest.as_slice()), (Fidelity::Exact, plain));
        }
    }
}
