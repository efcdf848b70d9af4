//! `docker ps`.

use super::{Done, Fail, SUCCESS, Session, filters, kinds, lent, ports, time};
use crate::table::{ellipsis, list as print_list};
use crate::template::{Null, Value};
use crate::units::size;
use crate::words::Call;
use engine::{ContainerFilters, ContainerRow, Protocol, Which};

/// Characters of a command without `--no-trunc`.
const COMMAND: usize = 20;
/// Characters of a mount without `--no-trunc`.
const MOUNT: usize = 15;

pub(super) fn list(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let which = if call.on("latest") {
        Which::Last(1)
    } else {
        match call.number("last").and_then(|count| usize::try_from(count).ok()) {
            Some(count) if count > 0 => Which::Last(count),
            _ if call.on("all") => Which::All,
            _ => Which::Running,
        }
    };
    if call.on("size") || call.text("format").is_some_and(|format| format.contains("Size")) {
        session.daemon.count_bytes(&mut lent!(session))?;
    }
    let rows = session
        .daemon
        .list_containers(which, &container_filters(call, session)?, session.now)?;
    let full = call.on("no-trunc");
    let format = call.text("format").filter(|format| !format.is_empty());
    if call.on("quiet") && format.is_none_or(|format| format == "table") {
        for row in &rows {
            session.console.line(shown_id(&row.id, full));
        }
        return Ok(SUCCESS);
    }
    let kind = if call.on("size") {
        kinds::CONTAINERS_WITH_SIZES
    } else {
        kinds::CONTAINERS
    };
    let rows: Vec<Value> = rows.iter().map(|row| container_row(row, full, true, session)).collect();
    let text =
        print_list(format, &kind, &rows).map_err(|error| Fail::new(format!("failed to execute template: {error}")))?;
    session.console.print(&text);
    Ok(SUCCESS)
}

fn container_filters(call: &Call, session: &Session<'_, '_>) -> Result<ContainerFilters, Fail> {
    let mut read = ContainerFilters::default();
    for (name, value) in filters::pairs(call.list("filter")) {
        let text = value.to_owned();
        match name.as_str() {
            "id" => read.ids.push(text),
            "name" => read.names.push(text),
            "label" => read.labels.push(filters::label(value)),
            "exited" => read
                .exited
                .push(value.parse().map_err(|_| filters::wrong(&name, value))?),
            "status" => read.statuses.push(text),
            "ancestor" => read.ancestors.push(text),
            "before" => read.before = Some(text),
            "since" => read.since = Some(text),
            "volume" => read.volumes.push(text),
            "health" => read.health.push(text),
            "network" => read.networks.push(text),
            "publish" | "expose" => {
                let (port, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
                let read_protocol: Result<Protocol, ()> = protocol.parse();
                match (port.parse(), read_protocol) {
                    (Ok(port), Ok(protocol)) => read.publish.push((port, protocol)),
                    _ => return Err(filters::wrong(&name, value)),
                }
            }
            _ => return Err(filters::unknown(&name)),
        }
    }
    // A container that is named must be there.
    for name in read.before.iter().chain(&read.since) {
        session.daemon.container(name)?;
    }
    Ok(read)
}

/// The ID as it is shown: twelve digits, or all of it.
pub(crate) fn shown_id(id: &str, full: bool) -> &str {
    if full { id } else { id.get(..12).unwrap_or(id) }
}

/// A row; with `with_virtual` its size tells the image's too.
pub(crate) fn container_row(row: &ContainerRow, full: bool, with_virtual: bool, session: &Session<'_, '_>) -> Value {
    let command = row.command.join(" ");
    let command = if full { command } else { ellipsis(&command, COMMAND) };
    let mounts: Vec<String> = row
        .mounts
        .iter()
        .map(|mount| if full { mount.clone() } else { ellipsis(mount, MOUNT) })
        .collect();
    let labels: Vec<String> = row.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let by_name = row
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    let bytes = if with_virtual {
        format!("{} (virtual {})", size(row.size), size(row.root_size))
    } else {
        size(row.size)
    };
    let volumes = row.mounts.iter().filter(|mount| !mount.starts_with('/')).count();
    kinds::CONTAINERS.row([
        ("Command", dockerfile::quote(&command).into()),
        ("CreatedAt", time::written(row.created).into()),
        ("ID", shown_id(&row.id, full).into()),
        ("Image", row.image.as_str().into()),
        ("Labels", labels.join(",").into()),
        ("Label", Value::Omitted(Box::new(Value::Map(by_name.collect())))),
        ("LocalVolumes", volumes.to_string().into()),
        ("Mounts", mounts.join(",").into()),
        ("Names", row.name.as_str().into()),
        ("Networks", row.network.as_str().into()),
        ("Platform", Value::Null(Null::Any)),
        ("Ports", ports::displayed(&row.ports, &row.exposed).into()),
        ("RunningFor", time::ago(row.created, session.now).into()),
        ("Size", bytes.into()),
        ("State", row.state.as_str().into()),
        ("Status", row.status.as_str().into()),
    ])
}
