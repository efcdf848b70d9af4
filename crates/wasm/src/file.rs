//! A file of the page, read where it lies: the browser hands out the pieces that are asked for.

use js_sys::Uint8Array;
use std::cell::Cell;
use std::io::{self, Error};
use store::ReadAt;
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use web_sys::{Blob, DomException, FileReaderSync};

/// The browser is asked to collect what was read every so many bytes.
const HINT_EVERY: usize = 32 << 20;
/// Size of a buffer that is made for it and never touched.
const UNTOUCHED: u32 = 512 << 20;

/// A file that a person gave to the page.
#[derive(Debug)]
pub(crate) struct PageFile {
    file: Blob,
    reader: FileReaderSync,
    /// Bytes read since the browser was last asked to collect them.
    since_hint: Cell<usize>,
}

impl PageFile {
    /// All of `file`.
    ///
    /// # Errors
    ///
    /// What the browser says if there can be no reader: there is one in workers only.
    pub(crate) fn new(file: Blob) -> Result<PageFile, JsValue> {
        let reader = FileReaderSync::new()?;
        Ok(PageFile {
            file,
            reader,
            since_hint: Cell::new(0),
        })
    }
}

impl PageFile {
    /// Lets the browser collect the pieces that were read.
    ///
    /// A long reading makes garbage without ever giving the browser a turn, and Chromium then collects none before there is a
    /// GB of it. Buffers count as garbage with their whole size even if nothing was ever written to them, so one that takes no
    /// memory, made now and then and dropped, has it collect the others in time.
    fn hint(&self, count: usize) {
        let since = self.since_hint.get() + count;
        if since < HINT_EVERY {
            self.since_hint.set(since);
            return;
        }
        self.since_hint.set(0);
        // Where there is no such buffer to be had, the browser collects when it likes.
        drop(Untouched::new(UNTOUCHED));
    }
}

impl ReadAt for PageFile {
    fn size(&self) -> u64 {
        self.file.size() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let end = self.size().min(at.saturating_add(into.len() as u64));
        if at >= end {
            return Ok(0);
        }
        let piece = self.file.slice_with_f64_and_f64(at as f64, end as f64);
        let bytes = piece.and_then(|piece| self.reader.read_as_array_buffer(&piece));
        let buffer = bytes.map_err(io_error)?;
        let bytes = Uint8Array::new(buffer.as_ref());
        let count = bytes.length() as usize;
        if count == 0 || count > into.len() {
            return Err(Error::other(
                "the browser gave another number of bytes than was asked for",
            ));
        }
        bytes.copy_to(&mut into[..count]);
        self.hint(count);
        Ok(count)
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = ArrayBuffer)]
    type Untouched;

    #[wasm_bindgen(constructor, catch, js_class = "ArrayBuffer")]
    fn new(size: u32) -> Result<Untouched, JsValue>;
}

/// What a person can read of something that was thrown: a file that changed or went away since it was given, mostly.
fn io_error(thrown: JsValue) -> Error {
    Error::other(match thrown.dyn_ref::<DomException>() {
        Some(exception) => exception.message(),
        None => format!("{thrown:?}"),
    })
}
