//! A layer on its way out.

use super::Lane;
use registry::client::{Anonymous, Client, PushOptions, Pushing, RegistryError};
use store::Layer;

/// Pushes a layer, unless the registry has it or can take it from another repository. Returns how many bytes were sent.
pub(super) fn push(
    (layer, sources): &(Layer, Vec<String>),
    work: &Pushing<'_>,
    lane: &mut Lane<'_>,
) -> Result<u64, RegistryError> {
    let mut client = Client {
        transport: &mut lane.sockets,
        host: &mut lane.side,
        credentials: &Anonymous,
        config: work.config,
    };
    let options = PushOptions {
        sources: &|_| sources.clone(),
        chunk_bytes: work.chunk_bytes,
    };
    let mut session = work.session.clone();
    client.push_layer(layer, work.repository, &mut session, &options, &lane.blobs)
}
