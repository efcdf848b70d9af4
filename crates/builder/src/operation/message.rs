//! A protocol buffer as Go writes it in JSON: fields in the order of the protocol, zeros left out.
//!
//! By hand, and not by serde: a type for each message would be 2 KiB more of what a visitor of the page downloads.

use std::fmt::Write as _;

/// The fields that were written so far.
#[derive(Debug, Default)]
pub(crate) struct Message(String);

impl Message {
    fn field(mut self, name: &str, value: &str) -> Message {
        let comma = if self.0.is_empty() { "" } else { "," };
        write!(self.0, "{comma}\"{name}\":{value}").expect("writing to a string cannot fail");
        self
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Message {
        if value.is_empty() {
            return self;
        }
        self.field(name, &quoted(value))
    }

    pub(crate) fn number(self, name: &str, value: i64) -> Message {
        if value == 0 {
            return self;
        }
        self.field(name, &value.to_string())
    }

    /// A number that is written even if it is 0.
    pub(crate) fn any_number(self, name: &str, value: i64) -> Message {
        self.field(name, &value.to_string())
    }

    pub(crate) fn flag(self, name: &str, value: bool) -> Message {
        if !value {
            return self;
        }
        self.field(name, "true")
    }

    pub(crate) fn texts<'t>(self, name: &str, values: impl IntoIterator<Item = &'t str>) -> Message {
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        self.list(name, &values)
    }

    pub(crate) fn messages(self, name: &str, values: Vec<Message>) -> Message {
        let values: Vec<String> = values.into_iter().map(Message::end).collect();
        self.list(name, &values)
    }

    /// A list of JSON values.
    pub(crate) fn list(self, name: &str, values: &[String]) -> Message {
        if values.is_empty() {
            return self;
        }
        self.field(name, &format!("[{}]", values.join(",")))
    }

    /// A message that is there, even if it is empty.
    pub(crate) fn message(self, name: &str, value: Message) -> Message {
        self.field(name, &value.end())
    }

    pub(crate) fn option(self, name: &str, value: Option<Message>) -> Message {
        match value {
            Some(value) => self.message(name, value),
            None => self,
        }
    }

    pub(crate) fn end(self) -> String {
        format!("{{{}}}", self.0)
    }
}

fn quoted(text: &str) -> String {
    String::from_utf8(oci::go_json(&text)).expect("JSON is UTF-8")
}
