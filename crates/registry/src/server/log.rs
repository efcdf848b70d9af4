//! The server's log, as lines: those of `logrus`, and an access log in the combined format.

use super::config::{Formatter, Level, LogConfig};
use oci::Time;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

/// How many lines wait to be taken. Of more, the oldest are lost.
const MAX_LINES: usize = 10_000;

/// A line of the log, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Where it goes.
    pub stream: LogStream,
    /// The line.
    pub text: String,
}

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output: the access log.
    Out,
    /// Standard error: everything else.
    Err,
}

/// Fields of a line, by name.
pub(super) type Fields = BTreeMap<String, String>;

/// Lines that wait to be taken.
#[derive(Debug, Clone)]
pub(super) struct Log {
    config: LogConfig,
    /// Fields on every line of the server itself.
    pub(super) own: Fields,
    lines: VecDeque<LogLine>,
}

impl Log {
    pub(super) fn new(config: LogConfig, own: Fields) -> Log {
        Log {
            config,
            own,
            lines: VecDeque::new(),
        }
    }

    /// Whether lines of this level are wanted.
    pub(super) fn wants(&self, level: Level) -> bool {
        level <= self.config.level
    }

    /// Whether requests are logged in the combined format.
    pub(super) fn wants_access(&self) -> bool {
        self.config.access_log
    }

    /// Adds a line, if its level is wanted.
    pub(super) fn add(&mut self, now: Time, level: Level, message: &str, fields: &Fields) {
        if self.wants(level) {
            let text = match self.config.formatter {
                Formatter::Text => as_text(now, level, message, fields),
                Formatter::Json => as_json(now, level, message, fields, ["time", "msg"]),
                Formatter::Logstash => as_json(now, level, message, fields, ["@timestamp", "message"]),
            };
            self.push(LogStream::Err, text);
        }
    }

    /// Adds a line to the access log.
    pub(super) fn add_access(&mut self, line: String) {
        if self.wants_access() {
            self.push(LogStream::Out, line);
        }
    }

    fn push(&mut self, stream: LogStream, text: String) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(LogLine { stream, text });
    }

    pub(super) fn take(&mut self) -> Vec<LogLine> {
        self.lines.drain(..).collect()
    }
}

/// `time="..." level=info msg="..." key=value`, keys in byte order.
///
/// Source: the text formatter of sirupsen/logrus, without a terminal.
fn as_text(now: Time, level: Level, message: &str, fields: &Fields) -> String {
    let mut line = format!(
        "time={} level={} msg={}",
        quote_if_needed(&now.to_string()),
        level.name(),
        quote_if_needed(message)
    );
    for (name, value) in fields {
        let _ = write!(line, " {name}={}", quote_if_needed(value));
    }
    line
}

fn as_json(now: Time, level: Level, message: &str, fields: &Fields, [time_key, message_key]: [&str; 2]) -> String {
    let mut object: BTreeMap<&str, String> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    object.insert(time_key, now.to_string());
    object.insert("level", level.name().to_owned());
    object.insert(message_key, message.to_owned());
    if time_key == "@timestamp" {
        object.insert("@version", "1".to_owned());
    }
    serde_json::to_string(&object).expect("a map of texts is JSON")
}

fn quote_if_needed(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'/' | b'@' | b'^' | b'+');
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    quote(text)
}

/// Between quotes, with everything escaped that could end the line or the quotes.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(control));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// What the access log says of a request.
pub(super) struct Access<'a> {
    pub(super) remote: &'a str,
    pub(super) request: &'a str,
    pub(super) status: u16,
    pub(super) written: u64,
    pub(super) referer: &'a str,
    pub(super) agent: &'a str,
}

impl Access<'_> {
    /// `address - - [25/Nov/2026:22:21:48 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "curl/7.88.1"`.
    pub(super) fn line(&self, now: Time) -> String {
        let address = self.remote.rsplit_once(':').map_or(self.remote, |(address, _)| address);
        format!(
            "{} - - [{}] {} {} {} {} {}",
            escape(address.trim_matches(['[', ']'])),
            access_time(now),
            quote(self.request),
            self.status,
            self.written,
            quote(self.referer),
            quote(self.agent),
        )
    }
}

/// `25/Nov/2026:22:21:48 +0000`.
fn access_time(now: Time) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = Time::of_secs(now.secs).to_string();
    let month = text[5..7].parse::<usize>().ok().and_then(|month| MONTHS.get(month - 1));
    let month = month.copied().unwrap_or("???");
    format!("{}/{month}/{}:{} +0000", &text[8..10], &text[..4], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn lines_are_those_of_logrus() {
        let now: Time = "2026-11-25T22:21:47.554942693Z".parse().expect("a time");
        let fields = fields(&[
            ("version", "2.8.2+ds1"),
            ("go.version", "go1.19.8"),
            ("http.request.host", "127.0.0.1:5055"),
        ]);
        assert_eq!(
            as_text(now, Level::Info, "redis not configured", &fields),
            "time=\"2026-11-25T22:21:47.554942693Z\" level=info msg=\"redis not configured\" go.version=go1.19.8 \
             http.request.host=\"127.0.0.1:5055\" version=2.8.2+ds1"
        );
        assert_eq!(
            as_json(now, Level::Warn, "a", &fields, ["time", "msg"]),
            "{\"go.version\":\"go1.19.8\",\"http.request.host\":\"127.0.0.1:5055\",\"level\":\"warning\",\"msg\":\"a\",\
             \"time\":\"2026-11-25T22:21:47.554942693Z\",\"version\":\"2.8.2+ds1\"}"
        );
    }

    #[test]
    fn no_value_ends_a_line() {
        let fields = fields(&[("agent", "a\" level=fatal\r\nforged\u{1b}[2J")]);
        let line = as_text(Time::of_secs(0), Level::Info, "x", &fields);
        assert!(
            line.ends_with(r#" agent="a\" level=fatal\r\nforged\u001b[2J""#),
            "{line}"
        );
    }

    #[test]
    fn the_access_log_is_in_the_combined_format() {
        let access = Access {
            remote: "127.0.0.1:38338",
            request: "GET /v2/ HTTP/1.1",
            status: 200,
            written: 2,
            referer: "",
            agent: "curl/7.88.1\n",
        };
        let now = "2026-11-05T02:01:08.5Z".parse().expect("a time");
        assert_eq!(
            access.line(now),
            "127.0.0.1 - - [05/Nov/2026:02:01:08 +0000] \"GET /v2/ HTTP/1.1\" 200 2 \"\" \"curl/7.88.1\\n\""
        );
    }
}
