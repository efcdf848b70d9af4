//! `docker image ls`, `history`, `tag` and `rm`.

use super::fail::daemon;
use super::{Done, Fail, SUCCESS, Session, filters, kinds, names, time};
use crate::table::{ellipsis, list as print_list};
use crate::template::Value;
use crate::units::{size, size_exactly};
use crate::words::Call;
use engine::{Force, HistoryRow, ImageFilters, ImageRow, Intermediates, Parents, Refusal, Rows};
use oci::Digest;

/// Characters of a history's `CREATED BY` without `--no-trunc`.
const CREATED_BY: usize = 45;

pub(super) fn list(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let format = call.text("format").filter(|format| !format.is_empty());
    let digests = call.on("digests") || format.is_some_and(|format| format.contains(".Digest"));
    let rows = session.daemon.list_images(
        &image_filters(call, session)?,
        if call.on("all") {
            Intermediates::Show
        } else {
            Intermediates::Hide
        },
        if digests { Rows::Digests } else { Rows::Tags },
    )?;
    let full = call.on("no-trunc");
    if call.on("quiet") && format.is_none_or(|format| format == "table") {
        for row in &rows {
            session.console.line(&shown_id(row.id, full));
        }
        return Ok(SUCCESS);
    }
    let kind = if call.on("digests") {
        kinds::IMAGES_WITH_DIGESTS
    } else {
        kinds::IMAGES
    };
    let rows: Vec<Value> = rows.iter().map(|row| image_row(row, full, session)).collect();
    session.console.print(&print_list(format, &kind, &rows)?);
    Ok(SUCCESS)
}

fn image_filters(call: &Call, session: &Session<'_, '_>) -> Result<ImageFilters, Fail> {
    let mut read = ImageFilters::default();
    read.references.extend(call.arguments.first().cloned());
    for (name, value) in filters::pairs(call.list("filter")) {
        match name.as_str() {
            "dangling" => read.dangling = Some(filters::switch(&name, value)?),
            "reference" => read.references.push(value.to_owned()),
            "label" => read.labels.push(filters::label(value)),
            "before" => read.before = Some(value.to_owned()),
            "since" => read.since = Some(value.to_owned()),
            "until" => read.until = Some(filters::until(value, session.now)?),
            _ => return Err(filters::unknown(&name)),
        }
    }
    Ok(read)
}

/// The ID as it is shown: twelve digits, or all of it.
pub(crate) fn shown_id(id: Digest, full: bool) -> String {
    if full { id.to_string() } else { id.short() }
}

fn or_none(text: Option<String>) -> Value {
    text.map_or_else(|| Value::from("<none>"), Value::Text)
}

fn image_row(row: &ImageRow, full: bool, session: &Session<'_, '_>) -> Value {
    kinds::IMAGES.row([
        ("Containers", "N/A".into()),
        ("CreatedAt", time::written(row.created).into()),
        ("CreatedSince", time::ago(row.created, session.now).into()),
        ("Digest", or_none(row.digest.map(|digest| digest.to_string()))),
        ("ID", shown_id(row.id, full).into()),
        ("Repository", or_none(row.repository.clone())),
        ("SharedSize", "N/A".into()),
        ("Size", size(row.size).into()),
        ("Tag", or_none(row.tag.clone())),
        ("UniqueSize", "N/A".into()),
        ("VirtualSize", size_exactly(row.size).into()),
    ])
}

pub(super) fn history(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let rows = session.daemon.history(&call.arguments[0])?;
    let full = call.on("no-trunc");
    let format = call.text("format").filter(|format| !format.is_empty());
    if call.on("quiet") && format.is_none_or(|format| format == "table") {
        for row in &rows {
            session.console.line(&history_id(row, full));
        }
        return Ok(SUCCESS);
    }
    let human = call.on("human");
    let kind = if human {
        kinds::HISTORY
    } else {
        kinds::HISTORY_IN_FIGURES
    };
    let rows: Vec<Value> = rows.iter().map(|row| history_row(row, full, human, session)).collect();
    session.console.print(&print_list(format, &kind, &rows)?);
    Ok(SUCCESS)
}

fn history_id(row: &HistoryRow, full: bool) -> String {
    row.id.map_or_else(|| "<missing>".to_owned(), |id| shown_id(id, full))
}

fn history_row(row: &HistoryRow, full: bool, human: bool, session: &Session<'_, '_>) -> Value {
    let created = row.created.map(|stamp| stamp.time);
    // Tabs would end a cell.
    let by = row.created_by.replace('\t', " ");
    kinds::HISTORY.row([
        ("Comment", row.comment.as_str().into()),
        (
            "CreatedAt",
            created
                .map(|time| oci::Time { nanos: 0, ..time })
                .unwrap_or_default()
                .to_string()
                .into(),
        ),
        (
            "CreatedBy",
            if full {
                by.into()
            } else {
                ellipsis(&by, CREATED_BY).into()
            },
        ),
        (
            "CreatedSince",
            created
                .map_or_else(|| "N/A".to_owned(), |created| time::ago(created, session.now))
                .into(),
        ),
        ("ID", history_id(row, full).into()),
        ("Size", if human { size(row.size) } else { row.size.to_string() }.into()),
    ])
}

pub(super) fn tag(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let target = names::target(&call.arguments[1])?;
    session.daemon.tag(&call.arguments[0], &target, session.now)?;
    Ok(SUCCESS)
}

pub(super) fn remove(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let force = if call.on("force") { Force::Yes } else { Force::No };
    let parents = if call.on("no-prune") {
        Parents::Keep
    } else {
        Parents::Prune
    };
    let (mut errors, mut fatal) = (Vec::new(), false);
    for name in &call.arguments {
        match session.daemon.remove_image(name, force, parents) {
            Ok(removed) => {
                for line in removed {
                    session.console.line(&line.to_string());
                }
            }
            Err(refusal) => {
                fatal |= !matches!(refusal, Refusal::NoSuchImage { .. }) || force == Force::No;
                errors.push(daemon(&refusal));
            }
        }
    }
    ended(session, &errors, fatal)
}

/// Prints what went wrong, once for all arguments.
pub(crate) fn ended(session: &mut Session<'_, '_>, errors: &[String], fatal: bool) -> Done {
    for error in errors {
        session.console.error(&format!("{error}\n"));
    }
    if fatal { Err(Fail::Said(1)) } else { Ok(SUCCESS) }
}
