//! A server of a few lines that does what it is told to, however wrong.

use rustix::event::{PollFd, PollFlags, poll};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use store::{BlobStore, Image, MemoryBlobs};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is done with a connection.
pub(crate) enum Reply {
    /// These bytes, and the connection stays.
    Send(Vec<u8>),
    /// These bytes, and the connection ends.
    Cut(Vec<u8>),
    /// These bytes, and then nothing until the client has enough.
    Stall(Vec<u8>),
    /// These bytes, and then the last argument again and again until the client has enough.
    Endless(Vec<u8>, Vec<u8>),
}

/// An answer with its length.
pub(crate) fn answer(status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{fields}\r\n", body.len()).into_bytes();
    bytes.extend(body);
    bytes
}

/// An answer without a body, `length` as if it had one.
pub(crate) fn head(length: usize, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 X\r\nContent-Length: {length}\r\n{fields}\r\n").into_bytes()
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// The server; gone when dropped.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) n_connections: Arc<AtomicUsize>,
    /// Bytes that went out in endless answers.
    pub(crate) n_endless: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_reading(true, script)
    }

    /// With `is_patient` it reads a request to its end before it answers.
    pub(crate) fn start_reading(is_patient: bool, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Server {
            address: listener.local_addr().unwrap().to_string(),
            seen: Arc::default(),
            n_connections: Arc::default(),
            n_endless: Arc::default(),
            is_over: Arc::default(),
            thread: None,
        };
        let script: Arc<Script> = Arc::new(script);
        let (seen, n_connections, n_endless) = (
            server.seen.clone(),
            server.n_connections.clone(),
            server.n_endless.clone(),
        );
        let is_over = server.is_over.clone();
        server.thread = Some(std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                n_connections.fetch_add(1, Ordering::SeqCst);
                let (script, seen, n_endless) = (script.clone(), seen.clone(), n_endless.clone());
                std::thread::spawn(move || converse(&stream, is_patient, &script, &seen, &n_endless));
            }
        }));
        server
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It waits for a connection.
        let _ = TcpStream::connect(&self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The address of somebody who says `bytes` to whoever says anything first, once.
pub(crate) fn blunt(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

fn converse(
    stream: &TcpStream,
    is_patient: bool,
    script: &Arc<Script>,
    seen: &Mutex<Vec<Seen>>,
    n_endless: &AtomicUsize,
) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(request) = read(&mut reader, is_patient) {
        seen.lock().unwrap().push(request.clone());
        match script(&request) {
            Reply::Send(bytes) => {
                if writer.write_all(&bytes).is_err() {
                    return;
                }
            }
            Reply::Cut(bytes) => {
                let _ = writer.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Reply::Stall(bytes) => {
                let _ = writer.write_all(&bytes);
                // Nothing is read: to close what holds unread bytes would take the answer back.
                let _ = poll(&mut [PollFd::new(stream, PollFlags::RDHUP)], None);
                return;
            }
            Reply::Endless(bytes, again) => {
                let _ = writer.write_all(&bytes);
                while writer.write_all(&again).is_ok() {
                    n_endless.fetch_add(again.len(), Ordering::SeqCst);
                }
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>, is_patient: bool) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let mut seen = Seen {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        ..Seen::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        seen.fields.push((name.to_lowercase(), value.to_owned()));
    }
    let length = seen
        .field("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    if is_patient {
        reader.take(length).read_to_end(&mut seen.body).ok()?;
    }
    Some(seen)
}

/// What a registry that holds one image answers to whoever pulls it.
pub(crate) fn honest(image: &Image, blobs: &MemoryBlobs) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let (manifest, digest) = (image.manifest_bytes.clone(), image.digest());
    let media_type = image.manifest.media_type.clone();
    let mut held = vec![(image.manifest.config.digest.to_string(), image.config_bytes.clone())];
    for layer in &image.layers {
        let digest = layer.descriptor.digest;
        held.push((digest.to_string(), blobs.get(&digest).unwrap().to_vec()));
    }
    move |seen: &Seen| {
        if seen.target == "/v2/" {
            return Reply::Send(answer(200, "", b"{}"));
        }
        if seen.target.contains("/manifests/") {
            let fields = format!("Content-Type: {media_type}\r\nDocker-Content-Digest: {digest}\r\n");
            return Reply::Send(if seen.method == "HEAD" {
                head(manifest.len(), &fields)
            } else {
                answer(200, &fields, &manifest)
            });
        }
        let Some((_, bytes)) = held.iter().find(|(digest, _)| seen.target.ends_with(digest)) else {
            return Reply::Send(answer(404, "", b""));
        };
        Reply::Send(part(seen, bytes))
    }
}

/// A blob, or the part of it that is asked for.
pub(crate) fn part(seen: &Seen, bytes: &[u8]) -> Vec<u8> {
    let range = seen
        .field("range")
        .and_then(|text| text.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match range {
        None => answer(200, "", bytes),
        Some(start) if start < bytes.len() => {
            let fields = format!("Content-Range: bytes {start}-{}/{}\r\n", bytes.len() - 1, bytes.len());
            answer(206, &fields, &bytes[start..])
        }
        Some(_) => answer(416, "", b""),
    }
}
