//! YAML as a tree, within limits.

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// How deep nodes may lie.
const MAX_DEPTH: usize = 32;

/// How many nodes there may be, aliases resolved: a text that repeats itself can be far longer than it looks.
const MAX_NODES: usize = 50_000;

/// A node and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// From 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// A text; only one without quotes can be a number or a truth value.
    Scalar {
        text: String,
        is_plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The first document of a text; nothing is a null.
    ///
    /// # Errors
    ///
    /// What is wrong, with the line.
    pub(super) fn parse(text: &str) -> Result<Node, String> {
        if text.len() > MAX_BYTES {
            return Err(format!(
                "yaml: expected at most {MAX_BYTES} bytes, found {}",
                text.len()
            ));
        }
        let mut reader = Reader {
            parser: Parser::new_from_str(text),
            anchors: Vec::new(),
            n_nodes: 0,
        };
        loop {
            let (event, line) = reader.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd | Event::DocumentEnd => return Ok(Node::null(line)),
                event => return reader.node(event, line, 0),
            }
        }
    }

    pub(super) fn null(line: usize) -> Node {
        Node {
            line,
            value: Value::Null,
        }
    }

    /// The node under a key, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        entries.iter().find(|(known, _)| known == key).map(|(_, node)| node)
    }

    /// The node under a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries, if this is a map.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items, if this is a list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A truth value, in the spellings of YAML 1.1.
    pub(super) fn truth(&self) -> Option<bool> {
        match self.plain()? {
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        }
    }

    /// A whole number.
    pub(super) fn int(&self) -> Option<i64> {
        let text = self.plain()?.replace('_', "");
        match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }

    fn plain(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, is_plain: true } => Some(text),
            _ => None,
        }
    }

    /// What stands here, as an error names it: `` !!str `text` ``.
    pub(super) fn described(&self) -> String {
        let short = |text: &str| text.chars().take(10).collect::<String>();
        match &self.value {
            Value::Null => "!!null".to_owned(),
            Value::List(_) => "!!seq".to_owned(),
            Value::Map(_) => "!!map".to_owned(),
            Value::Scalar { text, .. } => {
                let kind = match self {
                    node if node.truth().is_some() => "bool",
                    node if node.int().is_some() => "int",
                    _ => "str",
                };
                format!("!!{kind} `{}`", short(text))
            }
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    /// Nodes that have a name, by its number.
    anchors: Vec<(usize, Node)>,
    n_nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), String> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(format!("yaml: line {}: {}", error.marker().line(), error.info())),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, String> {
        self.count(1, line)?;
        if depth > MAX_DEPTH {
            return Err(format!("yaml: line {line}: expected at most {MAX_DEPTH} levels"));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => {
                let known = self.anchors.iter().find(|(known, _)| *known == anchor);
                let node = known.map(|(_, node)| node.clone());
                let node = node.ok_or_else(|| format!("yaml: line {line}: unknown anchor"))?;
                self.count(size(&node), line)?;
                return Ok(node);
            }
            _ => return Err(format!("yaml: line {line}: did not find expected node content")),
        };
        let node = Node { line, value };
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(entries)),
                found => found,
            };
            let key = self.node(event, line, depth + 1)?;
            let key = key
                .text()
                .ok_or_else(|| format!("yaml: line {line}: invalid map key"))?
                .to_owned();
            let (event, line) = self.next()?;
            let node = self.node(event, line, depth + 1)?;
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(format!("yaml: line {line}: key \"{key}\" already set in map"));
            }
            entries.push((key, node));
        }
    }

    fn count(&mut self, more: usize, line: usize) -> Result<(), String> {
        self.n_nodes += more;
        if self.n_nodes > MAX_NODES {
            return Err(format!("yaml: line {line}: document contains excessive aliasing"));
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let is_plain = style == ScalarStyle::Plain;
    if is_plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar {
        text: text.to_owned(),
        is_plain,
    }
}

/// How many nodes there are in a node.
fn size(node: &Node) -> usize {
    let inner = node.items().iter().map(size).sum::<usize>();
    1 + inner + node.entries().iter().map(|(_, node)| size(node)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_are_told_apart() {
        let node = Node::parse("a: yes\nb: 'yes'\nc: 0x10\nd: [1, ~]\ne:\nf: {g: &x h, i: *x}\n").expect("YAML");
        let at = |path: &[&str]| node.at(path).expect("there");
        assert_eq!((at(&["a"]).truth(), at(&["b"]).truth()), (Some(true), None));
        assert_eq!((at(&["b"]).text(), at(&["c"]).int()), (Some("yes"), Some(16)));
        assert_eq!(at(&["d"]).items()[1].value, Value::Null);
        assert_eq!((&at(&["e"]).value, at(&["f", "i"]).text()), (&Value::Null, Some("h")));
        assert_eq!(at(&["f", "g"]).line, 6);
    }

    #[test]
    fn nothing_is_a_null() {
        for text in ["", "# remark", "---\n", "~"] {
            assert_eq!(Node::parse(text).expect(text).value, Value::Null, "{text:?}");
        }
    }

    #[test]
    fn what_repeats_itself_is_counted() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..30 {
            let before = format!("*a{},", n - 1).repeat(10);
            text = format!("{text}a{n}: &a{n} [{before}]\n");
        }
        let error = Node::parse(&text).expect_err("a bomb");
        assert!(error.ends_with("document contains excessive aliasing"), "{error}");
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_refused() {
        assert!(Node::parse(&"[".repeat(100_000)).is_err());
        assert!(Node::parse(&"a: {".repeat(100)).is_err());
        assert!(Node::parse(&" ".repeat(MAX_BYTES + 1)).is_err());
        assert!(Node::parse("a: [").is_err());
        assert!(Node::parse("a: 1\na: 2").is_err());
        assert!(Node::parse("*x").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "[\\[\\]{}:,&*!|>'\"#%@~a0 \n\t-]{0,60}|\\PC{0,60}") {
            let _ = Node::parse(&text);
        }
    }
}
