//! The simulator as the page has it: every call and every answer goes over the wire between two modules.

use builder::{ExecuteError, Executor, RunOutcome, RunRequest};
use oci::Digest;
use simulator::Simulator;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{BlobStore, StoreError, Tree};
use wire::{EngineEnd, ShellEnd, WireError};

/// Both ends of the wire and the shell behind it.
#[derive(Debug, Default)]
pub(crate) struct Wired {
    engine: EngineEnd,
    shell: ShellEnd,
    simulator: Simulator,
}

impl Executor for Wired {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let call = self.engine.send(request, tree).map_err(broken)?;
        let (request, tree) = self.shell.receive(&call).map_err(broken)?;
        let mut lent = Lent {
            lender: &*blobs,
            new: BTreeMap::new(),
        };
        let result = self.simulator.run(&request, &tree, &mut lent);
        let new: Vec<Vec<u8>> = lent.new.into_values().map(|bytes| bytes.to_vec()).collect();
        let answer = self.shell.send(&result, &new).map_err(broken)?;
        let answered = self.engine.receive(&answer).map_err(broken)?;
        for bytes in answered.blobs {
            blobs.put(&bytes)?;
        }
        answered.result
    }
}

fn broken(error: WireError) -> ExecuteError {
    ExecuteError::Unsupported {
        what: error.to_string(),
    }
}

/// The engine's blobs as the shell sees them: what it adds stays with it until the run is over.
struct Lent<'a> {
    lender: &'a dyn BlobStore,
    new: BTreeMap<Digest, Arc<[u8]>>,
}

impl BlobStore for Lent<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.new.entry(digest).or_insert_with(|| bytes.into());
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        match self.new.get(digest) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.lender.get(digest),
        }
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        match self.new.get(digest) {
            Some(bytes) => Some(bytes.len() as u64),
            None => self.lender.size(digest),
        }
    }
}
