//! `docker volume create`, `ls` and `rm`.

use super::fail::daemon;
use super::images::ended;
use super::{Done, Fail, SUCCESS, Session, filters, kinds, lent};
use crate::table::list as print_list;
use crate::template::Value;
use crate::words::Call;
use engine::{Daemon, Force, Volume};
use std::collections::BTreeMap;

pub(super) fn create(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let driver = call.text_or_default("driver");
    if driver != "local" {
        return Err(Fail::new(daemon(&format!(
            "error looking up volume plugin {driver}: plugin {} not found",
            dockerfile::quote(driver)
        ))));
    }
    if call.given("opt") {
        return Err(Fail::new("options of a volume's driver are not supported here"));
    }
    let labels: BTreeMap<String, String> = call
        .list("label")
        .iter()
        .map(|label| label.split_once('=').unwrap_or((label, "")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let name = call.arguments.first().map(String::as_str);
    let name = session.daemon.create_volume(name, &labels, &mut lent!(session))?;
    session.console.line(&name);
    Ok(SUCCESS)
}

pub(super) fn list(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let mut volumes: Vec<&Volume> = session.daemon.volumes().collect();
    for (name, value) in filters::pairs(call.list("filter")) {
        match name.as_str() {
            "name" => volumes.retain(|volume| volume.name.contains(value)),
            "driver" => volumes.retain(|_| value == "local"),
            "label" => {
                let (key, wanted) = filters::label(value);
                let has = |volume: &&Volume| {
                    let found = volume.labels.get(&key);
                    found.is_some_and(|found| wanted.as_ref().is_none_or(|wanted| wanted == found))
                };
                volumes.retain(has);
            }
            "dangling" => {
                let unused = filters::switch(&name, value)?;
                volumes.retain(|volume| (session.daemon.volume_users(&volume.name) == 0) == unused);
            }
            _ => return Err(filters::unknown(&name)),
        }
    }
    let format = call.text("format").filter(|format| !format.is_empty());
    let text = if call.on("quiet") && format.is_none_or(|format| format == "table") {
        let names: Vec<&str> = volumes.iter().flat_map(|volume| [volume.name.as_str(), "\n"]).collect();
        names.concat()
    } else {
        let rows: Vec<Value> = volumes
            .iter()
            .map(|volume| row(volume, "N/A", "N/A", session.daemon))
            .collect();
        print_list(format, &kinds::VOLUMES, &rows)?
    };
    session.console.print(&text);
    Ok(SUCCESS)
}

/// A row; only `system df` knows links and size.
pub(crate) fn row(volume: &Volume, links: &str, size: &str, daemon: &Daemon) -> Value {
    let labels: Vec<String> = volume
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    kinds::VOLUMES.row([
        ("Availability", "N/A".into()),
        ("Driver", "local".into()),
        ("Group", "N/A".into()),
        ("Labels", labels.join(",").into()),
        ("Label", Value::Omitted(Box::new(Value::texts(&volume.labels)))),
        ("Links", links.into()),
        ("Mountpoint", daemon.volume_place(&volume.name).into()),
        ("Name", volume.name.as_str().into()),
        ("Scope", "local".into()),
        ("Size", size.into()),
        ("Status", "N/A".into()),
    ])
}

pub(super) fn remove(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let force = if call.on("force") { Force::Yes } else { Force::No };
    let mut errors = Vec::new();
    for name in &call.arguments {
        match session.daemon.remove_volume(name, force) {
            Ok(()) => session.console.line(name),
            Err(refusal) => errors.push(daemon(&refusal)),
        }
    }
    let failed = !errors.is_empty();
    ended(session, &errors, failed)
}
