//! A registry that keeps nothing: what a client's push takes whatever a registry does.

use super::http::read_headers;
use crate::failure::Failure;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// The server. It listens until the program ends, and a bench is over then.
pub(super) struct Nowhere {
    address: String,
}

impl Nowhere {
    pub(super) fn start() -> Result<Nowhere, Failure> {
        let failed = |error| Failure::io("could not listen", &error);
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle of a request has had its answer.
                thread::spawn(move || serve(&stream));
            }
        });
        Ok(Nowhere { address })
    }

    /// What the image is called there.
    pub(super) fn name(&self) -> String {
        format!("{}/bench:1", self.address)
    }
}

fn serve(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::with_capacity(1 << 18, stream), stream);
    while let Some(answer) = answer(&mut reader)? {
        writer.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Reads a request with its body, and answers it; `None` at the end.
fn answer(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let (method, path) = line
        .split_once(' ')
        .and_then(|(method, rest)| Some((method.to_owned(), rest.split(' ').next()?.to_owned())))
        .ok_or_else(|| io::Error::other(format!("expected a request, found {line:?}")))?;
    let (mut length, mut is_chunked) = (Ok(0), false);
    read_headers(reader, |name, value| match name {
        "content-length" => length = value.parse(),
        "transfer-encoding" => is_chunked = value == "chunked",
        _ => {}
    })?;
    let length = length.map_err(io::Error::other)?;
    let size = if is_chunked {
        read_chunks(reader)?
    } else {
        io::copy(&mut reader.take(length), &mut io::sink())?
    };
    let (status, headers) = match method.as_str() {
        "GET" | "HEAD" if path == "/v2/" => ("200 OK", String::new()),
        "POST" => ("202 Accepted", "Location: /v2/bench/blobs/uploads/1\r\n".to_owned()),
        "PATCH" => (
            "202 Accepted",
            format!(
                "Location: /v2/bench/blobs/uploads/1\r\nRange: 0-{}\r\n",
                size.saturating_sub(1)
            ),
        ),
        "PUT" => {
            let digest = path.split_once("digest=").map(|(_, digest)| digest.replace("%3A", ":"));
            let digest = digest.map(|digest| format!("Docker-Content-Digest: {digest}\r\n"));
            (
                "201 Created",
                format!("Location: /v2/bench\r\n{}", digest.unwrap_or_default()),
            )
        }
        _ => ("404 Not Found", String::new()),
    };
    Ok(Some(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n")))
}

/// Reads a body that comes in chunks; returns its size.
fn read_chunks(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut all = 0;
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        io::copy(&mut reader.by_ref().take(size), &mut io::sink())?;
        // What follows a chunk, or the last one, is an empty line.
        line.clear();
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(all);
        }
        all += size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_taken_in_every_form_and_nothing_is_there() {
        let mut requests: &[u8] = b"HEAD /v2/bench/blobs/sha256:a HTTP/1.1\r\n\r\n\
            POST /v2/bench/blobs/uploads/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n\
            PATCH /v2/bench/blobs/uploads/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n\
            PUT /v2/bench/blobs/uploads/1?digest=sha256%3Aa HTTP/1.1\r\nContent-Length: 2\r\n\r\nxy";
        let mut heads = Vec::new();
        while let Some(answer) = answer(&mut requests).unwrap() {
            heads.push(answer);
        }
        let starts = ["404", "202", "202", "201"];
        assert_eq!(heads.len(), starts.len(), "{heads:?}");
        for (head, start) in heads.iter().zip(starts) {
            assert!(head[9..].starts_with(start), "{head}");
        }
        assert!(heads[2].contains("Range: 0-4\r\n") && heads[3].contains("Docker-Content-Digest: sha256:a\r\n"));
    }
}
