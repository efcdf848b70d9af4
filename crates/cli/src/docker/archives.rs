//! `docker save`, `load`, `import` and `export`: images and filesystems as archives.

use super::{Done, Fail, Input, SUCCESS, Session, lent, names};
use crate::words::Call;
use engine::{Daemon, ImportOptions, Refusal};
use oci::Platform;
use std::io::{BufRead, Write};
use store::{BlobStore, Limits};

const TO_TERMINAL: &str = "cowardly refusing to save to a terminal. Use the -o flag or redirect";

pub(super) fn save(call: &Call, session: &mut Session<'_, '_>) -> Done {
    write(call, session, "failed to save image", |daemon, blobs, sink| {
        daemon.save(&call.arguments, blobs, sink)
    })
}

pub(super) fn export(call: &Call, session: &mut Session<'_, '_>) -> Done {
    session.daemon.fetch_files(&call.arguments[0], &mut lent!(session))?;
    write(call, session, "failed to export container", |daemon, blobs, sink| {
        daemon.export(&call.arguments[0], blobs, sink)
    })
}

/// Writes an archive to `-o`, or to the standard output.
fn write(
    call: &Call,
    session: &mut Session<'_, '_>,
    failed: &str,
    fill: impl Fn(&Daemon, &mut dyn BlobStore, &mut dyn Write) -> Result<(), Refusal>,
) -> Done {
    let Some(path) = call.text("output").filter(|path| !path.is_empty()) else {
        if session.host.writes_to_terminal() {
            return Err(Fail::new(TO_TERMINAL));
        }
        fill(session.daemon, session.blobs, session.console.out())?;
        return Ok(SUCCESS);
    };
    session
        .check_output(path)
        .map_err(|error| Fail::new(format!("{failed}: {error}")))?;
    session.write_file(path, 0o600, |session, file| {
        Ok(fill(session.daemon, session.blobs, file)?)
    })?;
    Ok(SUCCESS)
}

pub(super) fn load(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let source = match call.text("input").filter(|path| !path.is_empty()) {
        Some(path) => session.open(path)?,
        None => match session.host.stdin() {
            Input::Terminal => return Err(Fail::new("requested load from stdin, but stdin is empty")),
            Input::Stream(stream) => stream,
        },
    };
    let loaded = session
        .daemon
        .load(source, &Limits::default(), session.now, session.blobs)?;
    for image in loaded {
        for (name, lost) in &image.lost {
            let name = name.familiar();
            session.console.line(&format!(
                "The image {name} already exists, renaming the old one with ID {lost} to empty string"
            ));
        }
        if image.names.is_empty() {
            session.console.line(&format!("Loaded image ID: {}", image.id));
        }
        for name in &image.names {
            session.console.line(&format!("Loaded image: {}", name.familiar()));
        }
    }
    Ok(SUCCESS)
}

pub(super) fn import(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let from = &call.arguments[0];
    if call.arguments.len() > 2 {
        return Err(Fail::new("expected a source and a name"));
    }
    let name = match call.arguments.get(1) {
        Some(name) => {
            let reference = names::reference(name)?;
            if reference.digest().is_some() {
                return Err(Fail::new("cannot import digest reference"));
            }
            Some(reference.or_latest())
        }
        None => None,
    };
    let source: Box<dyn BufRead> = match from.as_str() {
        "-" => match session.host.stdin() {
            Input::Terminal => Box::new(std::io::empty()),
            Input::Stream(stream) => stream,
        },
        url if url.starts_with("http://") || url.starts_with("https://") => {
            return Err(Fail::new(format!(
                "import from {url}: downloads are not supported here"
            )));
        }
        path => session.open(path)?,
    };
    let platform = match call.text("platform").filter(|text| !text.is_empty()) {
        Some(text) => Some(super::options::platform(text)?),
        None => Some(Platform::linux_amd64()),
    };
    let options = ImportOptions {
        changes: call.list("change").to_vec(),
        message: call.text_or_default("message").to_owned(),
        platform,
        name,
        source: from.clone(),
    };
    let id = session
        .daemon
        .import(source, &options, &Limits::default(), session.now, session.blobs)?;
    session.console.line(&id.to_string());
    Ok(SUCCESS)
}
