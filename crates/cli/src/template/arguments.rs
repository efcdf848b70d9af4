//! Whether an argument fits its parameter.
//!
//! Source: Go, `text/template/exec.go`, `evalArg` and `validateType`.

use super::functions::Parameter;
use super::node::{Kind, Operand};
use super::{Null, Value};

/// What is wrong with an operand as it is written.
pub(super) fn misfit(operand: &Operand, parameter: Parameter) -> Option<String> {
    let constant = match &operand.kind {
        Kind::Constant(_, value) => Some(value),
        Kind::Bool(_) => None,
        Kind::Nil if matches!(parameter, Parameter::Text) => return Some("cannot assign nil to string".to_owned()),
        Kind::Nil if matches!(parameter, Parameter::Int) => return Some("cannot assign nil to int".to_owned()),
        _ => return None,
    };
    match (parameter, constant) {
        (Parameter::Any, _) | (Parameter::Text, Some(Value::Text(_))) | (Parameter::Int, Some(Value::Int(_))) => None,
        (Parameter::Text, _) => Some(format!("expected string; found {operand}")),
        (Parameter::Int, _) => Some(format!("expected integer; found {operand}")),
        (Parameter::Texts, _) => Some(format!("can't handle {operand} for arg of type []string")),
    }
}

/// Whether a value may be given.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn fits(value: &Value, parameter: Parameter) -> Result<(), String> {
    let value = value.plain();
    let wanted = match parameter {
        Parameter::Any => return Ok(()),
        Parameter::Text => "string",
        Parameter::Int => "int",
        Parameter::Texts => "[]string",
    };
    let fits = match (parameter, value) {
        (Parameter::Text, Value::Text(_))
        | (Parameter::Int, Value::Int(_))
        | (Parameter::Texts, Value::Null(Null::List | Null::Any)) => true,
        (Parameter::Texts, Value::List(items)) => items.iter().all(|item| matches!(item.plain(), Value::Text(_))),
        (_, Value::Null(_)) => return Err(format!("invalid value; expected {wanted}")),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(format!(
            "wrong type for value; expected {wanted}; got {}",
            value.type_name()
        ))
    }
}
