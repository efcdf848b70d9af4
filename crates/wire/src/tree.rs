//! Trees as bytes: only what differs from a tree that both ends have.

use crate::WireError;
use oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Content, Dir, File, Meta, Node, Special, Time, Tree};

/// A path is at most 4096 bytes long, so no directory lies deeper.
const MAX_DEPTH: usize = 2048;

/// What stands at a path, or that it is what stood there before.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum WireNode {
    /// The same as in the tree that both ends have, all that is in it included.
    Same,
    File(WireMeta, WireContent, Option<u64>),
    Dir(WireMeta, Vec<(String, WireNode)>),
    Symlink(WireMeta, String),
    Special(WireMeta, WireSpecial),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WireMeta {
    mode: u32,
    uid: u32,
    gid: u32,
    secs: i64,
    nanos: u32,
    xattrs: Vec<(String, serde_bytes::ByteBuf)>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum WireContent {
    Blob([u8; 32], u64),
    Absent(u64),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum WireSpecial {
    Char(u32, u32),
    Block(u32, u32),
    Fifo,
}

/// `tree` for an end that has `base`.
pub(crate) fn encode_tree(tree: &Tree, base: &Tree) -> Result<WireNode, WireError> {
    encode_dir(tree.root(), Some(base.root()), 0)
}

/// The tree that [`encode_tree`] was given, from the same `base`.
pub(crate) fn decode_tree(wire: WireNode, base: &Tree) -> Result<Tree, WireError> {
    match wire {
        WireNode::Same => Ok(base.clone()),
        WireNode::Dir(meta, entries) => {
            let dir = decode_dir(meta, entries, Some(base.root()), 0)?;
            Ok(Tree::from_dir(Arc::new(dir))?)
        }
        _ => Err(WireError::OutOfStep),
    }
}

/// `node` in full.
pub(crate) fn encode_node(node: &Node) -> Result<WireNode, WireError> {
    encode(node, None, 0)
}

/// What [`encode_node`] was given.
pub(crate) fn decode_node(wire: WireNode) -> Result<Node, WireError> {
    decode(wire, None, 0)
}

fn encode(node: &Node, base: Option<&Node>, depth: usize) -> Result<WireNode, WireError> {
    match (node, base) {
        (Node::Dir(dir), Some(Node::Dir(base))) if Arc::ptr_eq(dir, base) && !has_links(dir) => Ok(WireNode::Same),
        (Node::Dir(dir), base) => encode_dir(dir, base.and_then(Node::as_dir), depth),
        // A link's number means something only inside one message, so files with several names always travel.
        (Node::File(file), Some(base)) if file.link.is_none() && node == base => Ok(WireNode::Same),
        (Node::File(file), _) => Ok(WireNode::File(
            to_wire_meta(&file.meta),
            to_wire_content(file.content),
            file.link,
        )),
        (_, Some(base)) if node == base => Ok(WireNode::Same),
        (Node::Symlink { meta, target }, _) => Ok(WireNode::Symlink(to_wire_meta(meta), target.clone())),
        (Node::Special { meta, kind }, _) => {
            let kind = match *kind {
                Special::Char(major, minor) => WireSpecial::Char(major, minor),
                Special::Block(major, minor) => WireSpecial::Block(major, minor),
                Special::Fifo => WireSpecial::Fifo,
            };
            Ok(WireNode::Special(to_wire_meta(meta), kind))
        }
    }
}

fn encode_dir(dir: &Dir, base: Option<&Dir>, depth: usize) -> Result<WireNode, WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::TooDeep { limit: MAX_DEPTH });
    }
    let mut entries = Vec::with_capacity(dir.entries.len());
    for (name, node) in &dir.entries {
        let below = base.and_then(|base| base.entries.get(name));
        entries.push((name.clone(), encode(node, below, depth + 1)?));
    }
    let unchanged = base.is_some_and(|base| base.meta == dir.meta && base.entries.len() == dir.entries.len());
    if unchanged && entries.iter().all(|(_, node)| *node == WireNode::Same) {
        return Ok(WireNode::Same);
    }
    Ok(WireNode::Dir(to_wire_meta(&dir.meta), entries))
}

fn has_links(dir: &Dir) -> bool {
    dir.entries.values().any(|node| match node {
        Node::File(file) => file.link.is_some(),
        Node::Dir(dir) => has_links(dir),
        _ => false,
    })
}

fn decode(wire: WireNode, base: Option<&Node>, depth: usize) -> Result<Node, WireError> {
    Ok(match wire {
        WireNode::Same => base.ok_or(WireError::OutOfStep)?.clone(),
        WireNode::File(meta, content, link) => Node::File(Arc::new(File {
            meta: from_wire_meta(meta),
            content: match content {
                WireContent::Blob(digest, size) => Content::Blob {
                    digest: Digest::from_bytes(digest),
                    size,
                },
                WireContent::Absent(size) => Content::Absent { size },
            },
            link,
        })),
        WireNode::Dir(meta, entries) => {
            Node::Dir(Arc::new(decode_dir(meta, entries, base.and_then(Node::as_dir), depth)?))
        }
        WireNode::Symlink(meta, target) => Node::Symlink {
            meta: from_wire_meta(meta),
            target,
        },
        WireNode::Special(meta, kind) => Node::Special {
            meta: from_wire_meta(meta),
            kind: match kind {
                WireSpecial::Char(major, minor) => Special::Char(major, minor),
                WireSpecial::Block(major, minor) => Special::Block(major, minor),
                WireSpecial::Fifo => Special::Fifo,
            },
        },
    })
}

fn decode_dir(
    meta: WireMeta,
    wire: Vec<(String, WireNode)>,
    base: Option<&Dir>,
    depth: usize,
) -> Result<Dir, WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::TooDeep { limit: MAX_DEPTH });
    }
    let mut entries = BTreeMap::new();
    for (name, node) in wire {
        let below = base.and_then(|base| base.entries.get(&name));
        let node = decode(node, below, depth + 1)?;
        entries.insert(name, node);
    }
    Ok(Dir {
        meta: from_wire_meta(meta),
        entries,
    })
}

fn to_wire_meta(meta: &Meta) -> WireMeta {
    WireMeta {
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        secs: meta.mtime.secs,
        nanos: meta.mtime.nanos,
        xattrs: meta
            .xattrs
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect(),
    }
}

fn from_wire_meta(wire: WireMeta) -> Meta {
    Meta {
        mode: wire.mode,
        uid: wire.uid,
        gid: wire.gid,
        mtime: Time {
            secs: wire.secs,
            nanos: wire.nanos,
        },
        xattrs: wire
            .xattrs
            .into_iter()
            .map(|(name, value)| (name, value.into_vec()))
            .collect(),
    }
}

fn to_wire_content(content: Content) -> WireContent {
    match content {
        Content::Blob { digest, size } => WireContent::Blob(*digest.as_bytes(), size),
        Content::Absent { size } => WireContent::Absent(size),
    }
}
