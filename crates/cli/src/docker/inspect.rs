//! `docker inspect`, of one kind of thing or of any.

use super::fail::daemon;
use super::{Done, Fail, SUCCESS, Session, networks};
use crate::grammar::Verb;
use crate::template::{Null, Template, Value};
use crate::words::Call;
use engine::{Json, Refusal};

/// Docker's exit code for a template that cannot be read.
const BAD_TEMPLATE: i32 = 64;

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Container,
    Image,
    Network,
    Volume,
    Any,
}

pub(super) fn inspect(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let wanted = match call.spec.verb {
        Verb::ContainerInspect => Wanted::Container,
        Verb::ImageInspect => Wanted::Image,
        Verb::NetworkInspect => Wanted::Network,
        Verb::VolumeInspect => Wanted::Volume,
        _ => kind_of(call.text_or_default("type"))?,
    };
    let format = call
        .text("format")
        .filter(|format| !format.is_empty() && *format != "json");
    let template = format.map(Template::parse).transpose().map_err(|error| Fail::Error {
        message: format!("template parsing error: {error}"),
        code: BAD_TEMPLATE,
    })?;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for name in &call.arguments {
        match look(session, wanted, name) {
            Ok(value) => found.push(value),
            Err(error) => errors.push(error),
        }
    }
    if let Some(template) = template {
        if found.is_empty() {
            session.console.print("\n");
        }
        for json in &found {
            match template.render(&value(json)) {
                Ok(text) => session.console.line(&text),
                Err(error) => {
                    session.console.print("\n");
                    errors.push(format!("template parsing error: {error}"));
                    break;
                }
            }
        }
    } else {
        // Docker's daemon does not escape what HTML would need.
        let all = value(&Json::List(found));
        let text = if call.text("format") == Some("json") {
            all.to_json()
        } else {
            all.to_json_lines()
        };
        session.console.line(&text);
    }
    for error in &errors {
        session.console.error(&format!("{error}\n"));
    }
    if errors.is_empty() {
        Ok(SUCCESS)
    } else {
        Err(Fail::Said(1))
    }
}

fn kind_of(text: &str) -> Result<Wanted, Fail> {
    match text {
        "" => Ok(Wanted::Any),
        "container" => Ok(Wanted::Container),
        "image" => Ok(Wanted::Image),
        "network" => Ok(Wanted::Network),
        "volume" => Ok(Wanted::Volume),
        other => Err(Fail::new(format!(
            "unknown type: {}: must be one of \"container\", \"image\", \"network\", \"volume\"",
            dockerfile::quote(other)
        ))),
    }
}

fn look(session: &Session<'_, '_>, wanted: Wanted, name: &str) -> Result<Json, String> {
    let refused = |refusal: Refusal| daemon(&refusal);
    match wanted {
        Wanted::Container => session.daemon.inspect_container(name).map_err(refused),
        Wanted::Image => session.daemon.inspect_image(name).map_err(refused),
        Wanted::Volume => session.daemon.inspect_volume(name).map_err(refused),
        Wanted::Network => networks::inspect(session, name).ok_or_else(|| daemon(&format!("network {name} not found"))),
        Wanted::Any => [Wanted::Container, Wanted::Image, Wanted::Network, Wanted::Volume]
            .into_iter()
            .find_map(|wanted| look(session, wanted, name).ok())
            .ok_or_else(|| format!("Error: No such object: {name}")),
    }
}

/// A document as a template sees it.
pub(crate) fn value(json: &Json) -> Value {
    let fields = |pairs: &[(String, Json)]| pairs.iter().map(|(key, inner)| (key.clone(), value(inner))).collect();
    match json {
        Json::Null => Value::Null(Null::Any),
        Json::Bool(on) => Value::Bool(*on),
        Json::Number(number) => Value::Int(*number),
        Json::Text(text) => Value::from(text.as_str()),
        Json::List(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(pairs) => Value::Struct(fields(pairs)),
        Json::Map(pairs) => Value::Map(fields(pairs)),
    }
}
