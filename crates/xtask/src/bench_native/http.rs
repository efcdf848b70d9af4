//! As much of HTTP/1.1 as pushing and reading blobs takes: one connection, one request after the other.

use crate::failure::Failure;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A smaller body goes with its head, in bytes.
const SMALL: usize = 64 << 10;

/// A connection to a registry.
pub(super) struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
}

/// Status, `Location`, and how long the body was.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) length: u64,
}

impl Connection {
    pub(super) fn open(address: &str) -> Result<Connection, Failure> {
        let failed = |error| Failure::io(format!("could not connect to {address}"), &error);
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Connection {
            address: address.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    /// Pushes a blob: a POST that begins it and a PUT with all of it.
    pub(super) fn push_blob(&mut self, repository: &str, digest: &str, bytes: &[u8]) -> Result<(), Failure> {
        let begun = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), &[])?;
        let place = begun
            .location
            .strip_prefix("http://")
            .map_or(begun.location.as_str(), |rest| {
                rest.find('/').map_or("/", |slash| &rest[slash..])
            });
        let separator = if place.contains('?') { '&' } else { '?' };
        let put = self.ask("PUT", &format!("{place}{separator}digest=sha256:{digest}"), bytes)?;
        if (begun.status, put.status) == (202, 201) {
            return Ok(());
        }
        Err(Failure::new(
            format!(
                "expected 202 and 201 of {}, found {} and {}",
                self.address, begun.status, put.status
            ),
            "see what the registry logs",
        ))
    }

    /// Reads a blob of `size` bytes, and keeps nothing of it.
    pub(super) fn read_blob(&mut self, repository: &str, digest: &str, size: u64) -> Result<(), Failure> {
        let read = self.ask("GET", &format!("/v2/{repository}/blobs/sha256:{digest}"), &[])?;
        if (read.status, read.length) == (200, size) {
            return Ok(());
        }
        Err(Failure::new(
            format!(
                "expected 200 and {size} bytes of {}, found {} and {}",
                self.address, read.status, read.length
            ),
            "see what the registry logs",
        ))
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer, Failure> {
        let failed = |error| Failure::io(format!("{method} {path}"), &error);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let stream = self.stream.get_mut();
        if body.len() < SMALL {
            // In one packet.
            stream.write_all(&[head.as_bytes(), body].concat()).map_err(failed)?;
        } else {
            stream.write_all(head.as_bytes()).map_err(failed)?;
            stream.write_all(body).map_err(failed)?;
        }
        read_answer(&mut self.stream).map_err(failed)
    }
}

fn read_answer(stream: &mut impl BufRead) -> std::io::Result<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let (mut location, mut length) = (String::new(), 0);
    read_headers(stream, |name, value| match name {
        "location" => value.clone_into(&mut location),
        "content-length" => length = value.parse().unwrap_or(0),
        _ => {}
    })?;
    let length = std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
    Ok(Answer {
        status: status.unwrap_or(0),
        location,
        length,
    })
}

/// Gives `each` every header, its name in small letters, and reads the empty line after them.
pub(super) fn read_headers(stream: &mut impl BufRead, mut each: impl FnMut(&str, &str)) -> std::io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return Ok(());
        };
        each(&name.to_ascii_lowercase(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end() {
        let mut text: &[u8] =
            b"HTTP/1.1 202 Accepted\r\nLocation: /v2/x\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 201 Created\r\n\r\n";
        let first = read_answer(&mut text).unwrap();
        assert_eq!((first.status, first.location.as_str(), first.length), (202, "/v2/x", 2));
        assert_eq!(read_answer(&mut text).unwrap().status, 201);
    }
}
