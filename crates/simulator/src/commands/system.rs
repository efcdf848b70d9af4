//! Small commands about the machine and the clock: echo, sleep, uname, hostname, nproc, which.

use crate::command::Call;
use crate::world::Result;
use store::Time;

/// How many further expansions `echo` makes depends on whose it is: dash's always reads escapes, others on `-e`.
pub(crate) fn echo(call: &mut Call<'_>) -> Result<i32> {
    let is_dash = call
        .world
        .resolve("/bin/sh", store::Follow::Last)
        .is_ok_and(|path| path.name() == Some("dash"));
    let mut newline = true;
    let mut escapes = is_dash;
    let mut words = call.args;
    while let Some((first, rest)) = words.split_first() {
        let letters = first.strip_prefix('-').unwrap_or_default();
        let known = if is_dash {
            letters == "n"
        } else {
            letters.bytes().all(|b| b"neE".contains(&b))
        };
        if letters.is_empty() || !known {
            break;
        }
        for letter in letters.bytes() {
            match letter {
                b'n' => newline = false,
                b'e' => escapes = true,
                _ => escapes = false,
            }
        }
        words = rest;
    }
    let text = words.join(" ");
    if escapes {
        let (text, ended) = unescaped(&text);
        call.out.push_str(&text);
        newline &= !ended;
    } else {
        call.out.push_str(&text);
    }
    if newline {
        call.out.push('\n');
    }
    Ok(0)
}

/// Backslash escapes resolved, and whether `\c` ended the text.
fn unescaped(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('c') => return (out, true),
            Some('0') => {
                let mut value = 0;
                for _ in 0..3 {
                    match rest.peek().and_then(|c| c.to_digit(8)) {
                        Some(digit) => {
                            value = value * 8 + digit;
                            rest.next();
                        }
                        None => break,
                    }
                }
                out.extend(char::from_u32(value));
            }
            Some('x') => {
                let mut value = 0;
                let mut n_digits = 0;
                while n_digits < 2
                    && let Some(digit) = rest.peek().and_then(|c| c.to_digit(16))
                {
                    value = value * 16 + digit;
                    n_digits += 1;
                    rest.next();
                }
                if n_digits > 0 {
                    out.extend(char::from_u32(value));
                } else {
                    out.push_str("\\x");
                }
            }
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    (out, false)
}

/// How long a container's process may sleep altogether before it counts as one that waits, in milliseconds.
const MAX_SLEEP: u64 = 5_000;

/// Lets simulated time pass; nothing waits. In a container, what sleeps for long lasts.
pub(crate) fn sleep(call: &mut Call<'_>) -> Result<i32> {
    let per_unit = if call.name == "usleep" { 0.001 } else { 1000.0 };
    let mut millis = 0.0;
    for arg in call.args {
        let (number, factor) = match arg.char_indices().last() {
            Some((at, 's')) => (&arg[..at], 1.0),
            Some((at, 'm')) => (&arg[..at], 60.0),
            Some((at, 'h')) => (&arg[..at], 3600.0),
            Some((at, 'd')) => (&arg[..at], 86_400.0),
            _ => (arg.as_str(), 1.0),
        };
        match number.parse::<f64>() {
            Ok(number) if number >= 0.0 => millis += number * factor * per_unit,
            _ => return call.fail(format!("invalid time interval '{arg}'")),
        }
    }
    let millis = millis.min(1e12) as u64;
    call.world.slept = call.world.slept.saturating_add(millis);
    if !call.is_build() && call.world.slept > MAX_SLEEP {
        return Err(call.last_as_called());
    }
    call.take_millis(millis);
    Ok(0)
}

pub(crate) fn uname(call: &mut Call<'_>) -> Result<i32> {
    let flags: String = if call.name == "arch" {
        "m".to_owned()
    } else {
        call.args.concat().replace('-', "")
    };
    let all = flags.contains('a');
    let parts = [
        ('s', "Linux"),
        ('n', call.world.hostname.as_str()),
        ('r', "6.8.0"),
        ('v', "#1 SMP"),
        ('m', "x86_64"),
        ('o', "GNU/Linux"),
    ];
    let words: Vec<&str> = parts
        .iter()
        .filter(|(letter, _)| all || flags.contains(*letter) || (flags.is_empty() && *letter == 's'))
        .map(|(_, word)| *word)
        .collect();
    call.say(words.join(" "));
    Ok(0)
}

pub(crate) fn nproc(call: &mut Call<'_>) -> Result<i32> {
    call.say("2");
    Ok(0)
}

pub(crate) fn which(call: &mut Call<'_>) -> Result<i32> {
    let mut exit = 0;
    for name in call.args.iter().filter(|arg| !arg.starts_with('-')) {
        match call.world.which(name, call.env("PATH")) {
            Some(path) => call.say(path),
            None => exit = 1,
        }
    }
    Ok(exit)
}

/// The lines typed before.
pub(crate) fn history(call: &mut Call<'_>) -> Result<i32> {
    let lines = call.world.terminal.as_ref().map(|terminal| terminal.history.clone());
    let lines = lines.unwrap_or_default();
    let n_shown = call
        .args
        .first()
        .and_then(|number| number.parse().ok())
        .unwrap_or(lines.len());
    let first = lines.len().saturating_sub(n_shown);
    for (idx, line) in lines.iter().enumerate().skip(first) {
        call.say(format!("{:5}  {line}", idx + 1));
    }
    Ok(0)
}

pub(crate) fn nothing(_: &mut Call<'_>) -> Result<i32> {
    Ok(0)
}

pub(crate) fn systemctl(call: &mut Call<'_>) -> Result<i32> {
    call.warn("System has not been booted with systemd as init system (PID 1). Can't operate.");
    call.warn("Failed to connect to bus: Host is down");
    Ok(1)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// `2023-11-14 22:13:20.000000000 +0000`.
pub(crate) fn date_text(time: Time) -> String {
    let (year, month, day) = date(time.secs.div_euclid(86_400));
    let of_day = time.secs.rem_euclid(86_400);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{:09} +0000",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        time.nanos
    )
}

/// Seconds since the epoch of `@N`, `now`, `YYYY-MM-DD`, with `HH:MM[:SS]` behind a blank or a `T`; UTC.
pub(crate) fn parse_date(text: &str, now: i64) -> Option<i64> {
    let text = text.trim().trim_end_matches('Z').trim_end_matches("UTC").trim();
    if text == "now" {
        return Some(now);
    }
    if let Some(secs) = text.strip_prefix('@') {
        return secs.parse().ok();
    }
    let (day, time) = text
        .split_once(['T', ' '])
        .map_or((text, ""), |(day, time)| (day, time));
    let numbers: Vec<i64> = day
        .split('-')
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()
        .ok()?;
    let [year, month, day] = numbers.as_slice() else {
        return None;
    };
    let mut secs = checked_days(*year, *month, *day)? * 86_400;
    for (part, factor) in time.split(':').filter(|part| !part.is_empty()).zip([3600, 60, 1]) {
        secs += part.parse::<f64>().ok()? as i64 * factor;
    }
    Some(secs)
}

fn checked_days(year: i64, month: i64, day: i64) -> Option<i64> {
    let in_range = (0..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    in_range.then(|| days(year, month, day))
}

/// `touch -t`: `[[CC]YY]MMDDhhmm[.ss]`, with the year.
pub(crate) fn parse_stamp(text: &str) -> Option<i64> {
    let (digits, secs) = text
        .split_once('.')
        .map_or((text, "0"), |(digits, secs)| (digits, secs));
    if !digits.is_ascii() {
        return None;
    }
    let (year, rest) = match digits.len() {
        12 => (digits.get(..4)?.parse().ok()?, &digits[4..]),
        10 => {
            let year: i64 = digits.get(..2)?.parse().ok()?;
            (if year < 69 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let day = checked_days(year, part(0)?, part(2)?)?;
    Some(day * 86_400 + part(4)? * 3600 + part(6)? * 60 + secs.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::{date_text, parse_date, parse_stamp};
    use store::Time;

    #[test]
    fn dates_read_and_write_the_same_second() {
        assert_eq!(parse_date("2023-11-14 22:13:20", 0), Some(1_700_000_000));
        assert_eq!(parse_stamp("202311142213.20"), Some(1_700_000_000));
        let text = date_text(Time {
            secs: 1_700_000_000,
            nanos: 0,
        });
        assert_eq!(text, "2023-11-14 22:13:20.000000000 +0000");
        assert_eq!(parse_date("2023-13-14", 0), None);
    }
}
