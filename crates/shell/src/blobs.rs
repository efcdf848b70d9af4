//! The engine's blobs, read through a function of its module; new ones stay here until the run is over.

use js_sys::{Function, Uint8Array};
use oci::Digest;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{BlobStore, StoreError};
use wasm_bindgen::prelude::{JsCast, JsValue};

/// What the engine has and what this run adds.
#[derive(Debug)]
pub(crate) struct CallerBlobs<'a> {
    ask: &'a Function,
    /// Bytes that were asked for in this run.
    read: RefCell<BTreeMap<Digest, Arc<[u8]>>>,
    new: BTreeMap<Digest, Arc<[u8]>>,
}

impl<'a> CallerBlobs<'a> {
    /// Asks `ask` for bytes: 32 bytes of a digest in, a `Uint8Array` or `undefined` out.
    pub(crate) fn new(ask: &'a Function) -> CallerBlobs<'a> {
        CallerBlobs {
            ask,
            read: RefCell::default(),
            new: BTreeMap::new(),
        }
    }

    /// The bytes that were put and that the engine may not have, in order of their digests.
    pub(crate) fn into_new(self) -> Vec<Vec<u8>> {
        self.new.into_values().map(|bytes| bytes.to_vec()).collect()
    }
}

impl BlobStore for CallerBlobs<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if !self.read.borrow().contains_key(&digest) {
            self.new.entry(digest).or_insert_with(|| bytes.into());
        }
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        if let Some(bytes) = self.new.get(digest) {
            return Ok(bytes.clone());
        }
        if let Some(bytes) = self.read.borrow().get(digest) {
            return Ok(bytes.clone());
        }
        let missing = || StoreError::Missing { digest: *digest };
        let name = Uint8Array::from(digest.as_bytes().as_slice());
        let answer = self.ask.call1(&JsValue::NULL, &name).map_err(|_| missing())?;
        let bytes: Arc<[u8]> = answer.dyn_into::<Uint8Array>().map_err(|_| missing())?.to_vec().into();
        self.read.borrow_mut().insert(*digest, bytes.clone());
        Ok(bytes)
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        self.get(digest).ok().map(|bytes| bytes.len() as u64)
    }
}
