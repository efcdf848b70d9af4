//! `docker search`.

use super::fail::daemon;
use super::{Done, Fail, SUCCESS, Session, filters, helper, kinds};
use crate::table::{ellipsis, list as print_list};
use crate::template::Value;
use crate::words::Call;
use registry::client::{Client, SearchResult};

/// Characters of a description without `--no-trunc`.
const DESCRIPTION: usize = 45;

pub(super) fn search(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let limit = u32::try_from(call.number("limit").unwrap_or(0)).unwrap_or(u32::MAX);
    let credentials = helper::logins(session, "docker.io")?;
    let mut client = Client {
        transport: session.transport,
        host: session.wire,
        credentials: &credentials,
        config: session.registries,
    };
    let mut found = client
        .search(&call.arguments[0], limit)
        .map_err(|error| Fail::new(daemon(&error)))?;
    for (name, value) in filters::pairs(call.list("filter")) {
        match name.as_str() {
            "stars" => {
                let least: i64 = value.parse().map_err(|_| filters::wrong(&name, value))?;
                found.retain(|result| result.star_count >= least);
            }
            "is-official" => {
                let wanted = filters::switch(&name, value)?;
                found.retain(|result| result.is_official == wanted);
            }
            "is-automated" => {
                let wanted = filters::switch(&name, value)?;
                found.retain(|result| result.is_automated == wanted);
            }
            _ => return Err(filters::unknown(&name)),
        }
    }
    let format = call.text("format").filter(|format| !format.is_empty());
    let is_table = format.is_none_or(|format| format.starts_with("table"));
    let rows: Vec<Value> = found
        .iter()
        .map(|result| row(result, call.on("no-trunc"), is_table))
        .collect();
    session.console.print(&print_list(format, &kinds::SEARCH, &rows)?);
    Ok(SUCCESS)
}

fn row(result: &SearchResult, full: bool, is_table: bool) -> Value {
    let description = result.description.replace(['\n', '\r'], " ");
    let official = match (is_table, result.is_official) {
        (true, true) => "[OK]",
        (true, false) => "",
        (false, true) => "true",
        (false, false) => "false",
    };
    kinds::SEARCH.row([
        (
            "Description",
            if full {
                description
            } else {
                ellipsis(&description, DESCRIPTION)
            }
            .into(),
        ),
        ("IsOfficial", official.into()),
        ("Name", result.name.as_str().into()),
        ("StarCount", result.star_count.to_string().into()),
    ])
}
