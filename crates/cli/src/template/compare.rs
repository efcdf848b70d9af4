//! `eq`, `lt` and the others.
//!
//! Source: Go, `text/template/funcs.go`.

use super::{Value, printf};
use std::cmp::Ordering;

const INCOMPATIBLE: &str = "incompatible types for comparison";

/// Whether the first is one of the others.
pub(super) fn equal(of: &[Value]) -> Result<Value, String> {
    let (first, others) = (of[0].plain(), &of[1..]);
    comparable(first)?;
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if same(first, other.plain())? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn same(one: &Value, other: &Value) -> Result<bool, String> {
    match (one, other) {
        (Value::Null(_), Value::Null(_)) => Ok(true),
        (Value::Null(_), _) | (_, Value::Null(_)) => Ok(false),
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        (Value::Int(one), Value::Int(other)) => Ok(one == other),
        #[expect(clippy::float_cmp, reason = "as Go compares them")]
        (Value::Float(one), Value::Float(other)) => Ok(one == other),
        (Value::Text(one), Value::Text(other)) => Ok(one == other),
        _ => {
            comparable(other)?;
            Err(INCOMPATIBLE.to_owned())
        }
    }
}

fn comparable(value: &Value) -> Result<(), String> {
    if matches!(
        value,
        Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Row(..)
    ) {
        let (shown, kind) = (printf::plain(value), value.type_name());
        return Err(format!("non-comparable type {shown}: {kind}"));
    }
    Ok(())
}

/// Whether `one` comes before `other`, or is equal if that is enough.
pub(super) fn less(one: &Value, other: &Value, or_equal: bool) -> Result<Value, String> {
    let order = match (one.plain(), other.plain()) {
        (Value::Int(one), Value::Int(other)) => one.cmp(other),
        (Value::Float(one), Value::Float(other)) => match one.partial_cmp(other) {
            Some(order) => order,
            None => return Ok(Value::Bool(false)),
        },
        (Value::Text(one), Value::Text(other)) => one.cmp(other),
        (Value::Int(_) | Value::Float(_) | Value::Text(_), Value::Int(_) | Value::Float(_) | Value::Text(_)) => {
            return Err(INCOMPATIBLE.to_owned());
        }
        _ => return Err("invalid type for comparison".to_owned()),
    };
    Ok(Value::Bool(
        order == Ordering::Less || (or_equal && order == Ordering::Equal),
    ))
}
