//! HEALTHCHECK.

use super::Node;
use crate::flags::Flags;
use crate::problem::Problem;
use crate::words;
use crate::{Command, Health, parse_duration, quote};

impl Node<'_> {
    pub(super) fn health(&self) -> Result<Health, Problem> {
        let text = self.logical.text.as_str();
        let type_len = self.text().find(char::is_whitespace).unwrap_or(self.rest.len());
        let type_range = self.rest.start..self.rest.start + type_len;
        let command = Node {
            logical: self.logical,
            escape: self.escape,
            keyword: type_range.clone(),
            flags: Vec::new(),
            rest: words::trimmed(text, type_range.end..self.rest.end),
        };
        let empty = command.rest.is_empty();
        let command = command.command()?;
        let name = text[type_range.clone()].to_uppercase();
        match name.as_str() {
            "" => Err(self
                .at_least_one("HEALTHCHECK")
                .hint("write HEALTHCHECK CMD command, or HEALTHCHECK NONE")),
            "NONE" if empty || command == Command::Exec(Vec::new()) => Ok(Health::None),
            "NONE" => Err(self.count_problem("HEALTHCHECK NONE takes no arguments".to_owned())),
            _ => self.health_command(&name, command, type_range),
        }
    }

    fn health_command(
        &self,
        name: &str,
        command: Command,
        type_range: std::ops::Range<usize>,
    ) -> Result<Health, Problem> {
        let flags = self.check_flags()?;
        if name != "CMD" {
            let message = format!("Unknown type {} in HEALTHCHECK (try CMD)", quote(name));
            return Err(Problem::instruction("healthcheck-type", type_range.clone(), message)
                .hint("write CMD before the command")
                .fix("write CMD", type_range.start..type_range.start, "CMD "));
        }
        if matches!(&command, Command::Exec(words) if words.is_empty())
            || matches!(&command, Command::Shell(text) if text.is_empty())
        {
            return Err(self.count_problem("Missing command after HEALTHCHECK CMD".to_owned()));
        }
        Ok(Health::Cmd {
            command,
            interval: interval(&flags, "interval")?,
            timeout: interval(&flags, "timeout")?,
            start_period: interval(&flags, "start-period")?,
            start_interval: interval(&flags, "start-interval")?,
            retries: retries(&flags)?,
        })
    }
}

/// A duration of nothing, or of a millisecond or more.
fn interval(flags: &Flags<'_>, name: &str) -> Result<i64, Problem> {
    let Some(text) = flags.text(name).filter(|text| !text.value.is_empty()) else {
        return Ok(0);
    };
    let problem = |message: String| {
        Problem::instruction("duration", flags.value_range(name), message).hint("write a duration like 30s or 1m30s")
    };
    let duration = parse_duration(&text.value).map_err(problem)?;
    if duration != 0 && duration < 1_000_000 {
        return Err(problem(format!("Interval {} cannot be less than 1ms", quote(name))));
    }
    Ok(duration)
}

fn retries(flags: &Flags<'_>) -> Result<i64, Problem> {
    let Some(text) = flags.text("retries").filter(|text| !text.value.is_empty()) else {
        return Ok(0);
    };
    let problem = |message: String| Problem::instruction("retries", flags.value_range("retries"), message);
    let digits = text.value.strip_prefix(['+', '-']).unwrap_or(&text.value);
    let failure = |what: &str| problem(format!("strconv.ParseInt: parsing {}: {what}", quote(&text.value)));
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(failure("invalid syntax"));
    }
    let retries: i32 = text.value.parse().map_err(|_| failure("value out of range"))?;
    if retries < 0 {
        return Err(problem(format!("--retries cannot be negative ({retries})")));
    }
    Ok(i64::from(retries))
}
