//! Sends the files of a folder as BuildKit's file transfer wants them: what there is first, bytes for what is asked for.
//!
//! A worker that was sent the folder before asks only for what changed since.
//!
//! Source: tonistiigi/fsutil, `send.go` and `receive.go`.

use super::context::{Bytes, Item};
use bollard_buildkit_proto::fsutil::types::Packet;
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, mpsc};
use tokio::sync::mpsc::Sender;
use tonic::{Status, Streaming};

/// So much of a file is sent at once, in bytes.
const PIECE: usize = 64 << 10;

type Sent = Result<Packet, Status>;

/// Answers what a worker asks for until it has all it wants.
pub(super) async fn send(items: Vec<Item>, mut asked: Streaming<Packet>, packets: Sender<Sent>) {
    let items = Arc::new(items);
    let (requests, queue) = mpsc::channel::<u32>();
    // Reading a disk and waiting for the worker to take what was read: not on the threads that serve the connection.
    let (listed, listing) = (Arc::clone(&items), packets.clone());
    tokio::task::spawn_blocking(move || list(&listed, &listing));
    let reading = packets.clone();
    tokio::task::spawn_blocking(move || {
        for id in queue {
            if let Err(error) = send_file(&items, id, &reading) {
                // Nobody is left to be told if this cannot be sent either.
                let _ = reading.blocking_send(Ok(failed(&error)));
                return;
            }
        }
    });
    loop {
        let Ok(Some(answer)) = asked.message().await else {
            return;
        };
        match answer.r#type() {
            PacketType::PacketReq => {
                // The reader ended with an error that the worker has been sent.
                if requests.send(answer.id).is_err() {
                    return;
                }
            }
            PacketType::PacketFin => {
                let _ = packets.send(Ok(packet(PacketType::PacketFin))).await;
                return;
            }
            PacketType::PacketErr => return,
            PacketType::PacketStat | PacketType::PacketData => {}
        }
    }
}

/// Says what there is; the end of the list is a packet without an entry.
fn list(items: &[Item], packets: &Sender<Sent>) {
    let entries = items.iter().map(|item| Some(item.stat.clone()));
    for stat in entries.chain([None]) {
        let entry = Packet {
            stat,
            ..packet(PacketType::PacketStat)
        };
        if packets.blocking_send(Ok(entry)).is_err() {
            return;
        }
    }
}

/// Sends the bytes of one file; their end is a packet without bytes.
fn send_file(items: &[Item], id: u32, packets: &Sender<Sent>) -> io::Result<()> {
    let item = items.get(id as usize).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("expected the number of a file, found {id}"),
        )
    })?;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("could not read {}: {error}", item.stat.path));
    let mut source: Box<dyn Read> = match &item.bytes {
        Bytes::File(path) => Box::new(File::open(path).map_err(named)?),
        Bytes::Text(bytes) => Box::new(bytes.as_slice()),
        Bytes::None => Box::new(io::empty()),
    };
    loop {
        let mut data = Vec::with_capacity(PIECE);
        source
            .by_ref()
            .take(PIECE as u64)
            .read_to_end(&mut data)
            .map_err(named)?;
        let is_end = data.is_empty();
        let piece = Packet {
            id,
            data,
            ..packet(PacketType::PacketData)
        };
        if packets.blocking_send(Ok(piece)).is_err() || is_end {
            return Ok(());
        }
    }
}

fn failed(error: &io::Error) -> Packet {
    Packet {
        data: error.to_string().into_bytes(),
        ..packet(PacketType::PacketErr)
    }
}

fn packet(kind: PacketType) -> Packet {
    Packet {
        r#type: kind.into(),
        ..Packet::default()
    }
}
