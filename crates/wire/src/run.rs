//! Requests and outcomes as bytes.

use crate::WireError;
use crate::tree::{WireNode, decode_node, decode_tree, encode_node, encode_tree};
use builder::{ExecuteError, Fidelity, MountKind, Output, Purpose, RunMount, RunOutcome, RunRequest, Stream};
use oci::Digest;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use store::{StoreError, Time, Tree};

/// What the shell is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireCall {
    /// True if the tree is told by its difference from the one that passed last.
    pub(crate) continues: bool,
    pub(crate) tree: WireNode,
    argv: Vec<String>,
    env: Vec<(String, String)>,
    cwd: String,
    user: String,
    mounts: Vec<(String, WireMount)>,
    network: bool,
    secs: i64,
    nanos: u32,
    purpose: WirePurpose,
    stdin: ByteBuf,
    hostname: String,
}

#[derive(Debug, Serialize, Deserialize)]
enum WirePurpose {
    Build,
    Process,
    Interactive,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireMount {
    Bind(WireNode, bool),
    Cache(String, WireNode, bool),
    Tmpfs,
    Secret(u32, u32, u32, ByteBuf),
}

/// What the shell answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireAnswer {
    pub(crate) result: Result<WireOutcome, WireRefusal>,
    pub(crate) blobs: Vec<ByteBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireOutcome {
    tree: WireNode,
    caches: Vec<(String, WireNode)>,
    exit: i32,
    lasting: Option<Vec<String>>,
    output: Vec<WireOutput>,
    millis: u64,
    simulated: bool,
}

/// True for standard error, and the bytes.
pub(crate) type WireOutput = (bool, ByteBuf);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WireRefusal {
    Unsupported(String),
    Missing([u8; 32]),
    Corrupt([u8; 32], [u8; 32]),
}

/// A call whose tree is told by its difference from `base`.
pub(crate) fn encode_call(
    request: &RunRequest,
    tree: &Tree,
    base: &Tree,
    continues: bool,
) -> Result<WireCall, WireError> {
    let mounts = request
        .mounts
        .iter()
        .map(|mount| Ok((mount.target.clone(), encode_mount(&mount.kind)?)));
    Ok(WireCall {
        continues,
        tree: encode_tree(tree, base)?,
        argv: request.argv.clone(),
        env: request.env.clone(),
        cwd: request.cwd.clone(),
        user: request.user.clone(),
        mounts: mounts.collect::<Result<_, WireError>>()?,
        network: request.network,
        secs: request.now.secs,
        nanos: request.now.nanos,
        purpose: match request.purpose {
            Purpose::Build => WirePurpose::Build,
            Purpose::Process => WirePurpose::Process,
            Purpose::Interactive => WirePurpose::Interactive,
        },
        stdin: request.stdin.clone().into(),
        hostname: request.hostname.clone(),
    })
}

/// What [`encode_call`] was given.
pub(crate) fn decode_call(call: WireCall, base: &Tree) -> Result<(RunRequest, Tree), WireError> {
    let mounts = call.mounts.into_iter().map(|(target, kind)| {
        Ok(RunMount {
            target,
            kind: decode_mount(kind)?,
        })
    });
    let request = RunRequest {
        argv: call.argv,
        env: call.env,
        cwd: call.cwd,
        user: call.user,
        mounts: mounts.collect::<Result<_, WireError>>()?,
        network: call.network,
        now: Time {
            secs: call.secs,
            nanos: call.nanos,
        },
        purpose: match call.purpose {
            WirePurpose::Build => Purpose::Build,
            WirePurpose::Process => Purpose::Process,
            WirePurpose::Interactive => Purpose::Interactive,
        },
        stdin: call.stdin.into_vec(),
        hostname: call.hostname,
    };
    Ok((request, decode_tree(call.tree, base)?))
}

fn encode_mount(kind: &MountKind) -> Result<WireMount, WireError> {
    Ok(match kind {
        MountKind::Bind { node, read_only } => WireMount::Bind(encode_node(node)?, *read_only),
        MountKind::Cache { id, node, read_only } => WireMount::Cache(id.clone(), encode_node(node)?, *read_only),
        MountKind::Tmpfs => WireMount::Tmpfs,
        MountKind::Secret { mode, uid, gid, bytes } => WireMount::Secret(*mode, *uid, *gid, bytes.clone().into()),
    })
}

fn decode_mount(wire: WireMount) -> Result<MountKind, WireError> {
    Ok(match wire {
        WireMount::Bind(node, read_only) => MountKind::Bind {
            node: decode_node(node)?,
            read_only,
        },
        WireMount::Cache(id, node, read_only) => MountKind::Cache {
            id,
            node: decode_node(node)?,
            read_only,
        },
        WireMount::Tmpfs => MountKind::Tmpfs,
        WireMount::Secret(mode, uid, gid, bytes) => MountKind::Secret {
            mode,
            uid,
            gid,
            bytes: bytes.into_vec(),
        },
    })
}

/// An outcome whose tree is told by its difference from `base`, or why there is none.
pub(crate) fn encode_result(
    result: &Result<RunOutcome, ExecuteError>,
    base: &Tree,
) -> Result<Result<WireOutcome, WireRefusal>, WireError> {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => return Ok(Err(encode_refusal(error))),
    };
    let caches = outcome
        .caches
        .iter()
        .map(|(id, node)| Ok((id.clone(), encode_node(node)?)));
    Ok(Ok(WireOutcome {
        tree: encode_tree(&outcome.tree, base)?,
        caches: caches.collect::<Result<_, WireError>>()?,
        exit: outcome.exit,
        lasting: outcome.lasting.clone(),
        output: outcome.output.iter().map(encode_output).collect(),
        millis: outcome.millis,
        simulated: outcome.fidelity != Fidelity::Exact,
    }))
}

/// What [`encode_result`] was given; errors of the shell's own store come back as [`ExecuteError::Unsupported`].
pub(crate) fn decode_result(
    wire: Result<WireOutcome, WireRefusal>,
    base: &Tree,
) -> Result<Result<RunOutcome, ExecuteError>, WireError> {
    let outcome = match wire {
        Ok(outcome) => outcome,
        Err(refusal) => return Ok(Err(decode_refusal(refusal))),
    };
    let caches = outcome
        .caches
        .into_iter()
        .map(|(id, node)| Ok((id, decode_node(node)?)));
    Ok(Ok(RunOutcome {
        tree: decode_tree(outcome.tree, base)?,
        caches: caches.collect::<Result<_, WireError>>()?,
        exit: outcome.exit,
        lasting: outcome.lasting,
        output: outcome.output.into_iter().map(decode_output).collect(),
        millis: outcome.millis,
        fidelity: if outcome.simulated {
            Fidelity::Simulated
        } else {
            Fidelity::Exact
        },
    }))
}

pub(crate) fn encode_output(output: &Output) -> WireOutput {
    (output.stream == Stream::Err, output.bytes.clone().into())
}

pub(crate) fn decode_output((is_error, bytes): WireOutput) -> Output {
    Output {
        stream: if is_error { Stream::Err } else { Stream::Out },
        bytes: bytes.into_vec(),
    }
}

pub(crate) fn encode_refusal(error: &ExecuteError) -> WireRefusal {
    match error {
        ExecuteError::Unsupported { what } => WireRefusal::Unsupported(what.clone()),
        ExecuteError::Store(StoreError::Missing { digest }) => WireRefusal::Missing(*digest.as_bytes()),
        ExecuteError::Store(StoreError::Corrupt { expected, found }) => {
            WireRefusal::Corrupt(*expected.as_bytes(), *found.as_bytes())
        }
        other => WireRefusal::Unsupported(other.to_string()),
    }
}

pub(crate) fn decode_refusal(refusal: WireRefusal) -> ExecuteError {
    match refusal {
        WireRefusal::Unsupported(what) => ExecuteError::Unsupported { what },
        WireRefusal::Missing(digest) => ExecuteError::Store(StoreError::Missing {
            digest: Digest::from_bytes(digest),
        }),
        WireRefusal::Corrupt(expected, found) => ExecuteError::Store(StoreError::Corrupt {
            expected: Digest::from_bytes(expected),
            found: Digest::from_bytes(found),
        }),
    }
}
