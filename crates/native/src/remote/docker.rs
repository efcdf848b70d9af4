//! What a Docker engine is asked beside its BuildKit: the image that it built, as an archive.

use super::address::Builder;
use super::connect::dial;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use oci::Digest;
use std::fs::File;
use std::io::{self, Write};

/// A message of the engine is no longer, in bytes.
const MAX_MESSAGE: usize = 16 << 10;

/// Writes the archive of the image that has one of `ids` to `file`: what `docker save` writes. Engines differ in what they call an image:
/// by its config, or, where containerd keeps the images, by its manifest.
///
/// # Errors
///
/// If the engine cannot be asked, or refuses.
pub(super) async fn save(builder: &Builder, ids: &[Digest], mut file: File) -> io::Result<File> {
    let mut refusals = Vec::new();
    for id in ids {
        match ask(builder, *id, &mut file).await? {
            Ok(()) => return Ok(file),
            Err((status, said)) => {
                refusals.push(format!("expected the image {id}, found {}: {said}", status.as_u16()));
                if status != StatusCode::NOT_FOUND {
                    break;
                }
            }
        }
    }
    Err(io::Error::other(refusals.join("; ")))
}

/// Writes the archive of one image, or says why the engine does not give it.
async fn ask(builder: &Builder, id: Digest, file: &mut File) -> io::Result<Result<(), (StatusCode, String)>> {
    let stream = dial(builder).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let driving = tokio::spawn(connection);
    let request = Request::get(format!("/images/{id}/get"))
        .header("Host", "docker")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = answer.status();
    let mut body = answer.into_body();
    let mut message = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        let Some(bytes) = frame.data_ref() else { continue };
        if status == StatusCode::OK {
            tokio::task::block_in_place(|| file.write_all(bytes))?;
        } else if message.len() < MAX_MESSAGE {
            message.extend_from_slice(bytes);
        }
    }
    driving.abort();
    if status == StatusCode::OK {
        return Ok(Ok(()));
    }
    let said: Option<serde_json::Value> = serde_json::from_slice(&message).ok();
    let said = said
        .as_ref()
        .and_then(|said| said["message"].as_str())
        .unwrap_or("no message");
    Ok(Err((status, said.to_owned())))
}
