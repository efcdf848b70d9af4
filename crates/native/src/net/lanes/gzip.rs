//! Layers are compressed once, by as many threads as there are processors, and what came of it is remembered.

use super::remembered;
use crate::disk::DiskBlobs;
use flate2::{Compress, Compression, Crc, FlushCompress};
use oci::{Descriptor, DiffId, Digest, Digester, media_type};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use store::{BlobStore, Image, Layer, LayerError, LayerSource, StoreError};

/// So much of a tar is compressed by itself, in bytes. With another size other bytes come out.
const BLOCK: usize = 1 << 20;
/// So much of a block tells whether compressing it is worth the while, in bytes.
const SAMPLE: usize = 1 << 16;
/// A stored block holds at most so much, in bytes.
const STORED: usize = 0xffff;
/// No name, no time, no operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty stored block, the last one.
const LAST: [u8; 5] = [1, 0, 0, 0xff, 0xff];

/// The image with its layers compressed, their blobs kept in the store at `layout`.
pub(super) fn image(image: &Image, layout: &Path, blobs: &mut dyn BlobStore) -> Result<Image, LayerError> {
    let mut store = DiskBlobs::open(layout).map_err(StoreError::Source)?;
    let mut layers = Vec::new();
    let mut fresh = Vec::new();
    for layer in &image.layers {
        if layer.source == LayerSource::Blob {
            layers.push(layer.clone());
            continue;
        }
        let known = remembered::find(layout, layer.diff_id).filter(|blob| store.size(&blob.0) == Some(blob.1));
        let blob = if let Some(known) = known {
            known
        } else {
            let made = compress(layer, blobs, &mut store)?;
            fresh.push((layer.diff_id, made));
            made
        };
        layers.push(packed(layer, blob));
    }
    store.sync().map_err(StoreError::Source)?;
    for (diff_id, blob) in fresh {
        // What is not remembered is compressed again.
        let _ = remembered::keep(layout, diff_id, blob);
    }
    Ok(image.with_layers(layers))
}

/// A layer whose blob is another one, compressed.
fn packed(layer: &Layer, (digest, size): (Digest, u64)) -> Layer {
    Layer {
        descriptor: Descriptor {
            media_type: media_type::OCI_LAYER_GZIP.to_owned(),
            digest,
            size,
            ..layer.descriptor.clone()
        },
        source: LayerSource::Blob,
        ..layer.clone()
    }
}

/// Compresses a layer into `store`. The same tar gives the same bytes, on any number of threads.
fn compress(layer: &Layer, blobs: &dyn BlobStore, store: &mut DiskBlobs) -> Result<(Digest, u64), LayerError> {
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    let (to_packers, for_packers) = sync_channel::<Block>(n_threads);
    let (in_order, to_write) = sync_channel::<Receiver<Vec<u8>>>(2 * n_threads);
    let for_packers = Mutex::new(for_packers);
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| pack_all(&for_packers));
        }
        let writing = scope.spawn(|| store.put_from(&mut Packed::new(to_write)));
        let mut tar = layer.open_blob(blobs)?;
        let read = hand_out(tar.as_mut(), layer.diff_id, &to_packers, &in_order);
        drop((to_packers, in_order));
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Who reads and fails leaves the writer without an end.
        read?;
        Ok(written?)
    })
}

/// A piece of a tar, and where it goes when it is packed.
struct Block {
    bytes: Vec<u8>,
    done: SyncSender<Vec<u8>>,
}

/// Cuts a tar into blocks for whoever is free, and lines up what will come of them.
fn hand_out(
    tar: &mut dyn Read,
    expected: DiffId,
    packers: &SyncSender<Block>,
    in_order: &SyncSender<Receiver<Vec<u8>>>,
) -> Result<(), LayerError> {
    let gone = || LayerError::Write(ErrorKind::BrokenPipe.into());
    let place = |bytes: Vec<u8>| {
        let (done, packed) = sync_channel(1);
        // There is room for one.
        let _ = done.send(bytes);
        in_order.send(packed).map_err(|_| gone())
    };
    let (mut crc, mut digester) = (Crc::new(), Digester::new());
    place(HEADER.to_vec())?;
    loop {
        let mut bytes = Vec::with_capacity(BLOCK);
        tar.take(BLOCK as u64)
            .read_to_end(&mut bytes)
            .map_err(LayerError::Read)?;
        if bytes.is_empty() {
            break;
        }
        crc.update(&bytes);
        digester.update(&bytes);
        let (done, packed) = sync_channel(1);
        in_order.send(packed).map_err(|_| gone())?;
        packers.send(Block { bytes, done }).map_err(|_| gone())?;
    }
    let found = DiffId(digester.finish());
    if found != expected {
        return Err(LayerError::DiffId { expected, found });
    }
    let mut end = LAST.to_vec();
    end.extend(crc.sum().to_le_bytes());
    end.extend(crc.amount().to_le_bytes());
    place(end)?;
    // An empty piece is the end.
    place(Vec::new())
}

fn pack_all(blocks: &Mutex<Receiver<Block>>) {
    loop {
        let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Block { bytes, done }) = next else { return };
        // Whoever does not want it any more has failed and says so.
        let _ = done.send(pack(&bytes));
    }
}

/// A block as deflate, up to a byte's border.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let is_noise = deflate(sample, 1).len() > sample.len() - sample.len() / 50;
    if is_noise { stored(bytes) } else { deflate(bytes, 6) }
}

fn deflate(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let taken = compress.total_in() as usize;
        let before = packed.len();
        compress
            .compress_vec(&bytes[taken..], &mut packed, FlushCompress::Sync)
            .expect("deflate takes any bytes");
        let is_all = compress.total_in() as usize == bytes.len();
        // Room that is left over says that the flush is whole.
        if is_all && (packed.len() < packed.capacity() || packed.len() == before) {
            return packed;
        }
        packed.reserve(packed.capacity().max(4096));
    }
}

/// A block as it is, with what deflate wants around it.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(bytes.len() + bytes.len() / STORED * 5 + 5);
    for piece in bytes.chunks(STORED) {
        let length = piece.len() as u16;
        packed.push(0);
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(piece);
    }
    packed
}

/// What the packers made, in order, as bytes to be read. It ends with an empty piece; without one it failed.
struct Packed {
    pieces: Receiver<Receiver<Vec<u8>>>,
    piece: Vec<u8>,
    used: usize,
    is_over: bool,
}

impl Packed {
    fn new(pieces: Receiver<Receiver<Vec<u8>>>) -> Packed {
        Packed {
            pieces,
            piece: Vec::new(),
            used: 0,
            is_over: false,
        }
    }
}

impl Read for Packed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() && !self.is_over {
            let next = self.pieces.recv().ok().and_then(|piece| piece.recv().ok());
            self.piece = next.ok_or(ErrorKind::UnexpectedEof)?;
            self.used = 0;
            self.is_over = self.piece.is_empty();
        }
        let count = (self.piece.len() - self.used).min(into.len());
        into[..count].copy_from_slice(&self.piece[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use store::{Change, ChangeKind, Changeset, Content, MemoryBlobs, Meta, Node, Time, TreePath};

    fn layer(bytes: &[u8], blobs: &mut MemoryBlobs) -> Layer {
        let digest = blobs.put(bytes).unwrap();
        let size = bytes.len() as u64;
        let change = Change {
            path: TreePath::parse("file").unwrap(),
            kind: ChangeKind::Put(Node::file(Meta::of_mode(0o644), Content::Blob { digest, size })),
        };
        let changes = vec![change];
        Layer::make(Changeset { changes }, Some(Time::of_secs(1)), blobs).unwrap()
    }

    #[test]
    fn what_was_packed_unpacks_to_the_tar_and_is_packed_once() {
        let scratch = Scratch::new();
        let mut blobs = MemoryBlobs::default();
        let mut state = 1u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let mut bytes: Vec<u8> = noise.take(3 * BLOCK + 5).collect();
        bytes.extend(std::iter::repeat_n(b"text ", BLOCK / 2).flatten());
        let layers = vec![
            layer(&bytes, &mut blobs),
            layer(b"", &mut blobs),
            layer(&[7; BLOCK], &mut blobs),
        ];
        let plain = Image::new(oci::ImageConfig::default(), layers);
        let packed = image(&plain, scratch.dir(), &mut blobs).unwrap();
        let store = DiskBlobs::open(scratch.dir()).unwrap();
        for layer in &packed.layers {
            let blob = layer.open_blob(&store).unwrap();
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(blob).read_to_end(&mut tar).unwrap();
            assert_eq!(DiffId(Digest::of(&tar)), layer.diff_id);
        }
        assert!(packed.layers[2].descriptor.size < 20_000);
        // Nothing is read the second time: the files' contents are not even there.
        let again = image(&plain, scratch.dir(), &mut MemoryBlobs::default()).unwrap();
        assert_eq!(again, packed);
    }

    #[test]
    fn a_layer_whose_file_is_gone_leaves_nothing_behind() {
        let scratch = Scratch::new();
        let mut blobs = MemoryBlobs::default();
        let layers = vec![layer(&[7; 100], &mut blobs)];
        let plain = Image::new(oci::ImageConfig::default(), layers);
        let error = image(&plain, scratch.dir(), &mut MemoryBlobs::default()).unwrap_err();
        assert!(error.to_string().contains("blob not found"), "{error}");
        assert_eq!(std::fs::read_dir(scratch.path("blobs/sha256")).unwrap().count(), 0);
    }
}
