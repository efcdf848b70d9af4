//! Pushes that are ended in the midst and begun again, against a registry that takes blobs in pieces.

use crate::support::{Bench, Scratch, image, patience};
use native::net::{Surroundings, Uploads};
use oci::Digest;
use registry::client::{Anonymous, Client, Event, LayerState, PushOptions, RegistryConfig, SparedReason};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use store::{Image, MemoryBlobs};

/// In the environment of a process that is to push, and to be killed.
const CHILD: &str = "LAYERLAB_TEST_PUSH";
const SIZE: usize = 8 << 20;

/// A registry's uploads and blobs.
#[derive(Default)]
struct Held {
    uploads: BTreeMap<usize, Vec<u8>>,
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: usize,
    /// Requests, as `METHOD TARGET`.
    asked: Vec<String>,
}

type Shared = Arc<(Mutex<Held>, Condvar)>;

/// Starts it; returns its address and what it holds.
fn start() -> (String, Shared) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shared = Shared::default();
    let held = shared.clone();
    // It ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let held = held.clone();
            std::thread::spawn(move || while serve(&stream, &held).is_some() {});
        }
    });
    (address, shared)
}

/// Answers one request; `None` at the end of the connection.
fn serve(stream: &TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let asked = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (method, target) = asked.split_once(' ')?;
    let (mut length, mut range) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-range" => range = value.split('-').next()?.parse::<usize>().ok(),
            _ => {}
        }
    }
    shared.0.lock().unwrap().asked.push(asked.clone());
    let number = || target.split('/').next_back()?.split('?').next()?.parse::<usize>().ok();
    let (status, fields) = match method {
        "GET" if target == "/v2/" => (200, String::new()),
        "HEAD" => {
            let held = shared.0.lock().unwrap();
            let is_there = held.blobs.contains_key(target.rsplit('/').next()?);
            (if is_there { 200 } else { 404 }, String::new())
        }
        "POST" => {
            let mut held = shared.0.lock().unwrap();
            let id = held.asked.len();
            held.uploads.insert(id, Vec::new());
            (202, format!("Location: /v2/a/blobs/uploads/{id}\r\n"))
        }
        "GET" => match shared.0.lock().unwrap().uploads.get(&number()?) {
            Some(bytes) => (204, format!("Range: 0-{}\r\n", bytes.len().saturating_sub(1))),
            None => (404, String::new()),
        },
        "PATCH" => patch(&mut reader, shared, number()?, length, range)?,
        "PUT" if target.contains("/uploads/") => {
            let mut held = shared.0.lock().unwrap();
            let bytes = held.uploads.remove(&number()?)?;
            let digest = target.rsplit("digest=").next()?.replace("%3A", ":");
            assert_eq!(Digest::of(&bytes).to_string(), digest);
            held.blobs.insert(digest, bytes);
            (201, String::new())
        }
        _ => {
            reader.take(length).read_to_end(&mut Vec::new()).ok()?;
            shared.0.lock().unwrap().manifests += 1;
            (201, String::new())
        }
    };
    let answer = format!("HTTP/1.1 {status} X\r\n{fields}Content-Length: 0\r\n\r\n");
    let answer = if status == 204 {
        answer.replace("Content-Length: 0\r\n", "")
    } else {
        answer
    };
    let mut writer = stream;
    writer.write_all(answer.as_bytes()).ok()
}

/// Takes bytes as they come, so that those of a connection that breaks stay.
fn patch(
    reader: &mut impl Read,
    shared: &Shared,
    id: usize,
    length: u64,
    range: Option<usize>,
) -> Option<(u16, String)> {
    let (mut left, mut piece) = (length as usize, vec![0; 1 << 16]);
    if range.is_some_and(|start| {
        shared
            .0
            .lock()
            .unwrap()
            .uploads
            .get(&id)
            .is_none_or(|bytes| bytes.len() != start)
    }) {
        return Some((416, String::new()));
    }
    while left > 0 {
        let room = left.min(piece.len());
        let count = reader.read(&mut piece[..room]).ok().filter(|count| *count > 0)?;
        left -= count;
        let mut held = shared.0.lock().unwrap();
        let bytes = held.uploads.get_mut(&id)?;
        bytes.extend(&piece[..count]);
        shared.1.notify_all();
        // The rest of the first connection is not taken: whoever sends it must be ended first.
        if range.is_none() && bytes.len() >= SIZE / 2 {
            drop(held);
            let _ = reader.read_to_end(&mut Vec::new());
            return None;
        }
    }
    let held = shared.0.lock().unwrap();
    let last = held.uploads.get(&id)?.len() - 1;
    Some((
        202,
        format!("Location: /v2/a/blobs/uploads/{id}\r\nRange: 0-{last}\r\n"),
    ))
}

fn push(address: &str, image: &Image, blobs: &MemoryBlobs, uploads: &Path) -> Result<u64, String> {
    let mut bench = Bench::with(patience(Duration::from_mins(1)));
    let mut watch = Resuming {
        surroundings: around(uploads),
        resumed: 0,
    };
    let mut client = Client {
        transport: &mut bench.sockets,
        host: &mut watch,
        credentials: &Anonymous,
        config: &RegistryConfig::default(),
    };
    let options = PushOptions {
        sources: &|_| Vec::new(),
        chunk_bytes: None,
    };
    let name = format!("{address}/a:1").parse().unwrap();
    client
        .push(image, &name, &options, blobs)
        .map_err(|error| error.to_string())?;
    Ok(watch.resumed)
}

fn around(uploads: &Path) -> Surroundings {
    let mut surroundings = Surroundings::of_folders(&[]).unwrap();
    surroundings.uploads = Some(Uploads::open(uploads).unwrap());
    surroundings
}

/// Counts what did not have to be sent again.
struct Resuming {
    surroundings: Surroundings,
    resumed: u64,
}

impl registry::client::Host for Resuming {
    fn event(&mut self, event: Event) -> std::ops::ControlFlow<()> {
        match event {
            Event::Spared(spared) if spared.reason == SparedReason::Resumed => self.resumed += spared.bytes,
            Event::Layer(layer) => assert!(!matches!(layer.state, LayerState::Retrying { .. })),
            _ => {}
        }
        std::ops::ControlFlow::Continue(())
    }

    fn kept_upload(&self, upload: registry::client::UploadKey<'_>) -> Option<String> {
        self.surroundings.kept_upload(upload)
    }

    fn keep_upload(&mut self, upload: registry::client::UploadKey<'_>, location: Option<&str>) {
        self.surroundings.keep_upload(upload, location);
    }
}

#[test]
fn a_push_that_was_killed_goes_on_where_it_was() {
    let mut blobs = MemoryBlobs::default();
    let pushed = image(&[SIZE], &mut blobs);
    // This very test, as the process that is killed.
    if let Ok(told) = std::env::var(CHILD) {
        let (address, uploads) = told.split_once(' ').unwrap();
        let ended = push(address, &pushed, &blobs, Path::new(uploads));
        panic!("expected to be killed, found {ended:?}");
    }
    let scratch = Scratch::new();
    let (address, shared) = start();
    let told = format!("{address} {}", scratch.dir().display());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "resume::a_push_that_was_killed_goes_on_where_it_was"])
        .env(CHILD, told)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let half = |held: &mut Held| held.uploads.values().all(|bytes| bytes.len() < SIZE / 2);
    drop(shared.1.wait_while(shared.0.lock().unwrap(), half).unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    let there = shared.0.lock().unwrap().uploads.values().map(Vec::len).max().unwrap() as u64;
    let resumed = push(&address, &pushed, &blobs, scratch.dir()).unwrap();
    assert_eq!(resumed, there);
    let held = shared.0.lock().unwrap();
    let layer = &pushed.layers[0].descriptor;
    assert!(held.blobs.contains_key(&layer.digest.to_string()));
    assert_eq!(held.manifests, 1);
    let begun = held.asked.iter().filter(|asked| asked.starts_with("POST")).count();
    assert_eq!(begun, 2, "one for the layer, one for the config: {:?}", held.asked);
    assert_eq!(
        std::fs::read_dir(scratch.dir()).unwrap().count(),
        0,
        "nothing is left to go on with"
    );
}

#[test]
fn an_upload_that_the_registry_gave_up_begins_anew() {
    let scratch = Scratch::new();
    let (address, shared) = start();
    let mut blobs = MemoryBlobs::default();
    let pushed = image(&[2 << 20], &mut blobs);
    let digest = pushed.layers[0].descriptor.digest;
    let origin = format!("http://{address}");
    let key = registry::client::UploadKey {
        origin: &origin,
        repository: "a",
        digest: &digest,
    };
    for gone in [format!("http://{address}/v2/a/blobs/uploads/99"), "no URL".to_owned()] {
        let mut surroundings = around(scratch.dir());
        registry::client::Host::keep_upload(&mut surroundings, key, Some(&gone));
        drop(surroundings);
        shared.0.lock().unwrap().blobs.clear();
        assert_eq!(push(&address, &pushed, &blobs, scratch.dir()).unwrap(), 0);
        assert!(shared.0.lock().unwrap().blobs.contains_key(&digest.to_string()));
    }
}
