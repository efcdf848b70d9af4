//! `docker logs`.

use super::{Done, Fail, Lasting, Outcome, SUCCESS, Session, time};
use crate::words::Call;
use builder::Stream;
use engine::{LogLine, LogOptions};
use oci::Time;

pub(super) fn logs(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let name = &call.arguments[0];
    let container = session.daemon.container(name)?;
    let (id, is_running) = (container.id.clone(), container.is_running());
    let options = LogOptions {
        since: moment(call, session, "since")?,
        until: moment(call, session, "until")?,
        // What is no number, or below zero, is all.
        tail: call.text_or_default("tail").parse().ok(),
    };
    let timestamps = call.on("timestamps");
    let Session {
        daemon,
        console,
        runtime,
        blobs,
        executor,
        host,
        now,
        ..
    } = session;
    let mut lent = engine::Host {
        now: *now,
        blobs: &mut **blobs,
        executor: &mut **executor,
        files: host.files(),
        runtime: &mut **runtime,
    };
    daemon.logs(name, options, &mut lent, &mut |line| {
        let bytes = shown_line(line, timestamps);
        match line.stream {
            Stream::Out => console.bytes(&bytes),
            Stream::Err => console.error_bytes(&bytes),
        }
    })?;
    Ok(if call.on("follow") && is_running {
        Outcome::Lasts {
            container: id,
            doing: Lasting::Logs { timestamps, options },
        }
    } else {
        SUCCESS
    })
}

/// A line of a log as `docker logs` shows it.
pub fn shown_line(line: &LogLine, timestamps: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    if timestamps {
        bytes.extend_from_slice(time::precise(line.time).as_bytes());
        bytes.push(b' ');
    }
    bytes.extend_from_slice(&line.bytes);
    bytes
}

fn moment(call: &Call, session: &Session<'_, '_>, flag: &str) -> Result<Option<Time>, Fail> {
    let Some(text) = call.text(flag).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match time::parse(text, session.now) {
        Some(moment) => Ok(Some(moment)),
        None => Err(Fail::new(format!(
            "invalid value for {flag:?}: failed to parse value as time or duration: {}",
            dockerfile::quote(text)
        ))),
    }
}
