//! `docker network`: the three networks that every machine has.

use super::{Done, SUCCESS, Session, filters, kinds};
use crate::table::list as print_list;
use crate::template::Value;
use crate::words::Call;
use engine::Json;
use oci::Digest;

/// A network: name, driver.
const ALL: [(&str, &str); 3] = [("bridge", "bridge"), ("host", "host"), ("none", "null")];

/// Its ID: made of its name, since there is no other such network on a machine.
fn id(name: &str) -> String {
    Digest::of(format!("network {name}").as_bytes()).hex()
}

pub(super) fn list(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let mut networks = ALL.to_vec();
    for (name, value) in filters::pairs(call.list("filter")) {
        match name.as_str() {
            "name" => networks.retain(|network| network.0.contains(value)),
            "id" => networks.retain(|network| id(network.0).starts_with(value)),
            "driver" => networks.retain(|network| network.1 == value),
            "scope" => networks.retain(|_| value == "local"),
            "type" => networks.retain(|_| value == "builtin"),
            "label" => networks.clear(),
            "dangling" => {
                if filters::switch(&name, value)? {
                    networks.clear();
                }
            }
            _ => return Err(filters::unknown(&name)),
        }
    }
    let full = call.on("no-trunc");
    let shown = |name: &str| {
        let id = id(name);
        if full { id } else { id[..12].to_owned() }
    };
    let format = call.text("format").filter(|format| !format.is_empty());
    if call.on("quiet") && format.is_none_or(|format| format == "table") {
        for (name, _) in &networks {
            session.console.line(&shown(name));
        }
        return Ok(SUCCESS);
    }
    let row = |(name, driver): &(&str, &str)| {
        kinds::NETWORKS.row([
            ("CreatedAt", "0001-01-01 00:00:00 +0000 UTC".into()),
            ("Driver", (*driver).into()),
            ("ID", shown(name).into()),
            ("IPv4", "true".into()),
            ("IPv6", "false".into()),
            ("Internal", "false".into()),
            ("Labels", "".into()),
            ("Label", Value::Omitted(Box::new(Value::Map(Vec::new())))),
            ("Name", (*name).into()),
            ("Scope", "local".into()),
        ])
    };
    let rows: Vec<Value> = networks.iter().map(row).collect();
    session.console.print(&print_list(format, &kinds::NETWORKS, &rows)?);
    Ok(SUCCESS)
}

/// What `docker network inspect` prints of a network, if there is one of this name or ID.
pub(crate) fn inspect(session: &Session<'_, '_>, wanted: &str) -> Option<Json> {
    let (name, driver) = ALL
        .into_iter()
        .find(|(name, _)| *name == wanted || (!wanted.is_empty() && id(name).starts_with(wanted)))?;
    let object = |pairs: Vec<(&str, Json)>| {
        Json::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let is_bridge = name == "bridge";
    let members = session
        .daemon
        .containers()
        .filter(|container| container.options.network.name() == name && container.is_running());
    let members = members.map(|container| {
        let address = container
            .state
            .address
            .map_or_else(String::new, |[a, b, c, d]| format!("{a}.{b}.{c}.{d}/16"));
        let fields = vec![
            ("Name", Json::from(container.name.as_str())),
            ("IPv4Address", address.into()),
        ];
        (container.id.clone(), object(fields))
    });
    let subnet = object(vec![
        ("Subnet", "172.17.0.0/16".into()),
        ("Gateway", "172.17.0.1".into()),
    ]);
    let pools = if is_bridge { vec![subnet] } else { Vec::new() };
    let options = if is_bridge {
        vec![("com.docker.network.bridge.name".to_owned(), Json::from("docker0"))]
    } else {
        Vec::new()
    };
    let ipam = object(vec![
        ("Driver", "default".into()),
        ("Options", Json::Null),
        ("Config", Json::List(pools)),
    ]);
    Some(object(vec![
        ("Name", name.into()),
        ("Id", id(name).into()),
        ("Scope", "local".into()),
        ("Driver", driver.into()),
        ("EnableIPv4", true.into()),
        ("EnableIPv6", false.into()),
        ("IPAM", ipam),
        ("Internal", false.into()),
        ("Attachable", false.into()),
        ("Ingress", false.into()),
        ("ConfigOnly", false.into()),
        ("Containers", Json::Map(members.collect())),
        ("Options", Json::Map(options)),
        ("Labels", Json::Map(Vec::new())),
    ]))
}
