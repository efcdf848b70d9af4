//! Whether the value of a flag is of its kind, and what Docker says if it is not.

use crate::grammar::{Flag, Kind};
use crate::units;

/// The value as it counts: a switch is `true` or `false`, a list of texts is cut at its commas.
///
/// # Errors
///
/// What follows `invalid argument "x" for "--flag" flag: `.
pub(super) fn check(flag: &Flag, value: &str) -> Result<Vec<String>, String> {
    let same = || vec![value.to_owned()];
    match flag.kind {
        Kind::Switch => switch(value).map(|on| vec![on.to_string()]),
        Kind::Int => whole::<i64>("ParseInt", value).map(|number| vec![number]),
        Kind::Uint => whole::<u64>("ParseUint", value).map(|number| vec![number]),
        Kind::Uint16 => whole::<u16>("ParseUint", value).map(|number| vec![number]),
        Kind::Bytes => bytes(flag.long, value).map(|number| vec![number]),
        Kind::Decimal => decimal(value).map(|()| same()),
        Kind::Duration => dockerfile::parse_duration(value).map(|_| same()),
        Kind::Filter if !value.is_empty() && !value.contains('=') => {
            Err("bad format of filter (expected name=value)".to_owned())
        }
        Kind::Filter if value.is_empty() => Ok(Vec::new()),
        Kind::Strings => Ok(value.split(',').map(str::to_owned).collect()),
        Kind::Mount => mount(value).map(|()| same()),
        Kind::Ulimit if !value.contains('=') => Err(format!("invalid ulimit argument: {value}")),
        Kind::List => list(flag.long, value).map(|()| same()),
        Kind::Map if flag.long == "sysctl" && !value.contains('=') => Err(format!("sysctl '{value}' is not allowed")),
        Kind::Text | Kind::Map | Kind::Network | Kind::Gpu | Kind::Filter | Kind::Ulimit => Ok(same()),
    }
}

/// Source: Go, `strconv.ParseBool`.
fn switch(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!(
            "strconv.ParseBool: parsing {}: invalid syntax",
            dockerfile::quote(value)
        )),
    }
}

/// Source: Go, `strconv.ParseInt` and `strconv.ParseUint`.
fn whole<T: std::str::FromStr<Err = std::num::ParseIntError> + ToString>(
    by: &str,
    value: &str,
) -> Result<String, String> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    value.parse::<T>().map(|number| number.to_string()).map_err(|error| {
        let reason = if matches!(error.kind(), PosOverflow | NegOverflow) {
            "value out of range"
        } else {
            "invalid syntax"
        };
        format!("strconv.{by}: parsing {}: {reason}", dockerfile::quote(value))
    })
}

fn bytes(flag: &str, value: &str) -> Result<String, String> {
    if flag == "memory-swap" && value == "-1" {
        return Ok(value.to_owned());
    }
    units::parse_binary(value)
        .map(|number| number.to_string())
        .ok_or_else(|| format!("invalid size: '{value}'"))
}

/// Source: docker/cli, `opts/opts.go`, `ParseCPUs`: a rational number.
fn decimal(value: &str) -> Result<(), String> {
    let is = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    let good = match value.split_once('/') {
        Some((above, below)) => is(above) && is(below),
        None => is(value),
    };
    good.then_some(())
        .ok_or_else(|| format!("failed to parse {value} as a rational number"))
}

/// Source: docker/cli, `opts/mount.go`.
fn mount(value: &str) -> Result<(), String> {
    for field in value.split(',') {
        let switch = matches!(field, "readonly" | "ro" | "volume-nocopy" | "bind-nonrecursive");
        if !switch && !field.contains('=') {
            return Err(format!("invalid field '{field}' must be a key=value pair"));
        }
    }
    Ok(())
}

/// Source: docker/cli, `opts/env.go`, `opts/opts.go`, `cli/command/container/opts.go`.
fn list(flag: &str, value: &str) -> Result<(), String> {
    let name = value.split_once('=').map_or(value, |(name, _)| name);
    match flag {
        "env" if name.is_empty() => Err(format!("invalid environment variable: {value}")),
        "label" if name.is_empty() => Err(format!("invalid label '{value}': empty name")),
        "attach" if !["stdin", "stdout", "stderr"].contains(&value.to_lowercase().as_str()) => {
            Err("valid streams are STDIN, STDOUT and STDERR".to_owned())
        }
        "add-host" if !value.contains([':', '=']) => {
            Err(format!("bad format for add-host: {}", dockerfile::quote(value)))
        }
        _ => Ok(()),
    }
}
