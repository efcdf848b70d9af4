//! `REGISTRY_*` variables over a configuration.
//!
//! Source: distribution, `configuration/parser.go`; lists by index are those of its version 3.

use super::shape::Shape;
use super::yaml::{Node, Value};

/// What every variable's name begins with.
const PREFIX: &str = "REGISTRY_";

/// Puts variables over a configuration, in the order of their names, so that `REGISTRY_STORAGE` comes before what is
/// inside of it. Returns remarks on those that mean nothing.
///
/// # Errors
///
/// What is wrong with a value, with the name of its variable.
pub(super) fn overlay(root: &mut Node, shape: &Shape, variables: &[(String, String)]) -> Result<Vec<String>, String> {
    let mut ours: Vec<&(String, String)> = variables.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    let mut remarks = Vec::new();
    for (name, payload) in ours {
        let path: Vec<&str> = name.split('_').skip(1).collect();
        let change = Change { name, payload };
        if path == ["VERSION"] || !change.put(root, shape, &path).map_err(|error| change.error(&error))? {
            remarks.push(format!("Ignoring unrecognized environment variable {name}"));
        }
    }
    Ok(remarks)
}

struct Change<'v> {
    name: &'v str,
    payload: &'v str,
}

impl Change<'_> {
    fn error(&self, error: &str) -> String {
        format!("parsing environment variable {}: {error}", self.name)
    }

    /// Puts the value where `path` leads; whether it leads anywhere.
    fn put(&self, node: &mut Node, shape: &Shape, path: &[&str]) -> Result<bool, String> {
        let Some((first, rest)) = path.split_first() else {
            let value = Node::parse(self.payload)?;
            shape.check(&value)?;
            *node = value;
            return Ok(true);
        };
        match shape {
            Shape::Struct(fields) => {
                let Some(field) = fields.iter().find(|field| field.variable == *first) else {
                    return Ok(false);
                };
                self.put(entry(node, field.key), &field.shape, rest)
            }
            Shape::Map(inner) => self.put_in_map(node, inner, first, rest),
            Shape::Kind { .. } => {
                // `storage: inmemory` is short for a kind without parameters.
                if let Some(kind) = node.text().map(str::to_owned) {
                    entry(node, &kind);
                }
                self.put_in_map(node, &Shape::Map(&Shape::Any), first, rest)
            }
            Shape::List(inner) => self.put_in_list(node, inner, first, rest),
            Shape::Any => match node.value {
                Value::Null | Value::Map(_) => self.put_in_map(node, &Shape::Any, first, rest),
                Value::List(_) => self.put_in_list(node, &Shape::Any, first, rest),
                Value::Scalar { .. } => Ok(true),
            },
            // Deeper than the configuration goes: left out, without a word.
            Shape::Text | Shape::Truth | Shape::Int | Shape::Duration | Shape::Level | Shape::Version => Ok(true),
        }
    }

    fn put_in_map(&self, node: &mut Node, inner: &Shape, first: &str, rest: &[&str]) -> Result<bool, String> {
        let known = node.entries().iter().find(|(key, _)| key.to_uppercase() == first);
        let key = known.map_or_else(|| first.to_lowercase(), |(key, _)| key.clone());
        self.put(entry(node, &key), inner, rest)
    }

    fn put_in_list(&self, node: &mut Node, inner: &Shape, first: &str, rest: &[&str]) -> Result<bool, String> {
        let at: usize = first.parse().map_err(|_| format!("non-numeric index: {first}"))?;
        if !matches!(node.value, Value::List(_)) {
            node.value = Value::List(Vec::new());
        }
        let Value::List(items) = &mut node.value else {
            return Ok(false);
        };
        if at > items.len() {
            return Err(format!("undefined index: {first}"));
        }
        if at == items.len() {
            items.push(Node::null(0));
        }
        self.put(&mut items[at], inner, rest)
    }
}

/// The node under a key; whatever else stands there becomes a map that has it.
fn entry<'n>(node: &'n mut Node, key: &str) -> &'n mut Node {
    if !matches!(node.value, Value::Map(_)) {
        node.value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = &mut node.value else {
        unreachable!("it has just been made one");
    };
    let at = entries.iter().position(|(known, _)| known == key);
    let at = at.unwrap_or_else(|| {
        entries.push((key.to_owned(), Node::null(0)));
        entries.len() - 1
    });
    &mut entries[at].1
}
