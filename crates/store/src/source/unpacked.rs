//! What a packed source unpacks to, read from any place.

use super::Source;
use crate::compression::{Compression, Place, Stream};
use std::cell::{Cell, RefCell};
use std::io::{Read, Result};

/// A place is kept every so many unpacked bytes at first; every second one goes whenever there are too many.
const SPACING: u64 = 4 << 20;
/// So many places are kept of one stream.
const MAX_PLACES: usize = 64;
/// So many places are kept of all streams that lie in the same bytes: 44 MB.
const MAX_PLACES_IN_ALL: usize = 1024;

/// What the streams that lie in the same bytes share.
#[derive(Default)]
pub(super) struct Desk {
    /// The decoder that was used last: who reads on goes on with it. Only one is kept, whatever the number of streams.
    open: RefCell<Option<Open>>,
    places: Cell<usize>,
}

#[cfg(test)]
impl Desk {
    pub(super) fn places(&self) -> usize {
        self.places.get()
    }
}

/// A decoder of the stream that takes up `start..start + size` of the bytes.
struct Open {
    start: u64,
    size: u64,
    /// Unpacked bytes that it has given.
    at: u64,
    stream: Stream<'static>,
}

/// See [`Source::unpack`].
pub(super) struct Unpacked {
    packed: Source,
    packing: Compression,
    places: RefCell<Places>,
    reached: Cell<u64>,
}

struct Places {
    /// Unpacked bytes before a place, and the place; in order.
    kept: Vec<(u64, Place)>,
    spacing: u64,
}

impl Unpacked {
    pub(super) fn new(packed: Source, packing: Compression) -> Unpacked {
        Unpacked {
            packed,
            packing,
            places: RefCell::new(Places {
                kept: Vec::new(),
                spacing: SPACING,
            }),
            reached: Cell::new(0),
        }
    }

    /// As [`Source::read_at`].
    pub(super) fn read_at(&self, at: u64, into: &mut [u8]) -> Result<usize> {
        let mut open = self.open_before(at);
        while open.at < at {
            let mut passed = [0; 1 << 13];
            let room = (at - open.at).min(passed.len() as u64) as usize;
            if self.read_on(&mut open, &mut passed[..room])? == 0 {
                break;
            }
        }
        let count = if open.at == at {
            self.read_on(&mut open, into)?
        } else {
            0
        };
        // What failed is not kept: it would go on as if nothing had been.
        self.packed.desk.open.replace(Some(open));
        Ok(count)
    }

    /// Packed bytes that were read when last something was.
    pub(super) fn reached(&self) -> u64 {
        self.reached.get()
    }

    /// The decoder that has least to pass over before `at`.
    fn open_before(&self, at: u64) -> Open {
        let (start, size) = (self.packed.start, self.packed.size);
        let places = self.places.borrow();
        let count = places.kept.partition_point(|(before, _)| *before <= at);
        let nearest = count.checked_sub(1).map(|last| &places.kept[last]);
        let from = nearest.map_or(0, |(before, _)| *before);
        let fits = |open: &Open| (open.start, open.size) == (start, size) && (from..=at).contains(&open.at);
        // Another stream's decoder is given up.
        if let Some(open) = self.packed.desk.open.take().filter(fits) {
            return open;
        }
        let stream = match nearest {
            None => Stream::new(self.packing, Box::new(self.packed.read())),
            Some((_, place)) => {
                let rest = self.packed.part(place.packed, u64::MAX);
                Stream::resume(self.packing, place.clone(), Box::new(rest.read()))
            }
        };
        Open {
            start,
            size,
            at: from,
            stream,
        }
    }

    fn read_on(&self, open: &mut Open, into: &mut [u8]) -> Result<usize> {
        let count = open.stream.read(into)?;
        open.at += count as u64;
        self.reached.set(open.stream.taken());
        self.keep_place(open);
        Ok(count)
    }

    fn keep_place(&self, open: &Open) {
        let mut places = self.places.borrow_mut();
        let last = places.kept.last().map_or(0, |(before, _)| *before);
        let in_all = &self.packed.desk.places;
        if open.at < last.saturating_add(places.spacing) || in_all.get() >= MAX_PLACES_IN_ALL {
            return;
        }
        let Some(place) = open.stream.place() else {
            return;
        };
        places.kept.push((open.at, place));
        in_all.set(in_all.get() + 1);
        if places.kept.len() >= MAX_PLACES {
            let mut n = 0;
            places.kept.retain(|_| {
                n += 1;
                n % 2 == 0
            });
            in_all.set(in_all.get() - (n - places.kept.len()));
            places.spacing *= 2;
        }
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let in_all = &self.packed.desk.places;
        in_all.set(in_all.get() - self.places.borrow().kept.len());
    }
}
