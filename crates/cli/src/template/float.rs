//! Numbers with a fraction, as Go prints them.
//!
//! Source: Go, `strconv/ftoa.go`, `encoding/json/encode.go`.

/// `%g` with the fewest digits that say which number it is: what `%v` is.
pub(super) fn general(value: f64) -> String {
    shortest(value, -4, 6)
}

/// As JSON has it.
pub(super) fn json(value: f64) -> String {
    // JSON has no exponent of one digit with a zero before it: `1e-7`, not `1e-07`.
    shortest(value, -6, 21).replace("e-0", "e-")
}

/// Plain digits if the exponent is from `least` to below `most`, with an exponent otherwise.
fn shortest(value: f64, least: i32, most: i32) -> String {
    if !value.is_finite() {
        return special(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (least..most).contains(&exponent) {
        format!("{value}")
    } else {
        format!("{digits}e{}", signed(exponent))
    }
}

/// `%e` with so many digits after the point.
pub(super) fn exponent(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return special(value);
    }
    let text = format!("{value:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{digits}e{}", signed(exponent.parse().unwrap_or(0)))
}

/// `%f` with so many digits after the point.
pub(super) fn fixed(value: f64, precision: usize) -> String {
    if value.is_finite() {
        format!("{value:.precision$}")
    } else {
        special(value)
    }
}

/// Two digits at least, with a sign.
fn signed(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:02}", exponent.unsigned_abs())
}

fn special(value: f64) -> String {
    let text = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    };
    text.to_owned()
}
