//! What a build did, line by line, and what came out: a table for a person, JSON for a program.

use crate::excerpt::printable;
use crate::progress::seconds;
use crate::units::size;
use serde::Serialize;

/// A build that made an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Digest of the config.
    pub image_id: String,
    /// Digest of the manifest.
    pub digest: String,
    /// Names of the image.
    pub tags: Vec<String>,
    /// Whether anything in the image is simulated: then its digests are not those that BuildKit would make.
    pub simulated: bool,
    /// Bytes of all layers.
    pub bytes: u64,
    /// One for every instruction.
    pub lines: Vec<Row>,
    /// The layers, base first.
    pub layers: Vec<LayerRow>,
}

/// An instruction and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// First and last line.
    pub lines: (usize, usize),
    /// The instruction as the file has it, continued lines joined.
    pub instruction: String,
    /// What became of it.
    pub state: State,
    /// Bytes that its layer adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
    /// Whether bytes and time are simulated.
    pub simulated: bool,
    /// Why it was not taken from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It names what the stage starts from.
    Base,
    /// The cache had its result.
    Cached,
    /// It ran.
    Ran,
    /// The target does not need it.
    Pruned,
    /// It changes the image's configuration only.
    Config,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Base => "base",
            State::Cached => "cached",
            State::Ran => "ran",
            State::Pruned => "pruned",
            State::Config => "config",
        }
    }
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerRow {
    /// Digest of its tar.
    pub diff_id: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// What made it, as the history has it.
    pub created_by: String,
    /// Whether it came with the base image.
    pub base: bool,
    /// Whether its content is simulated.
    pub simulated: bool,
}

/// The longest instruction that is shown whole, in characters.
const SHOWN: usize = 72;

impl Report {
    /// The tables: lines, layers, image.
    pub fn to_text(&self) -> String {
        let mut lines = self.lines_table();
        lines.push(String::new());
        lines.extend(self.layers_table());
        lines.push(String::new());
        let mark = if self.simulated {
            "  (simulated: not the digest BuildKit would give)"
        } else {
            ""
        };
        lines.push(format!("image     {}{mark}", self.image_id));
        lines.extend(self.tags.iter().map(|tag| format!("named     {}", printable(tag))));
        lines.push(format!(
            "size      {} in {}",
            size(self.bytes),
            plural(self.layers.len(), "layer")
        ));
        lines.push(String::new());
        lines.join("\n")
    }

    /// One document, indented.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("strings and numbers have a JSON form");
        json.push('\n');
        json
    }

    fn lines_table(&self) -> Vec<String> {
        let mut lines = vec!["LINE  STATE      SIZE    TIME  INSTRUCTION".to_owned()];
        for row in &self.lines {
            let bytes = row.bytes.map(size).unwrap_or_default();
            let time = row.millis.map(seconds).unwrap_or_default();
            let mark = if row.simulated { "  [simulated]" } else { "" };
            let (line, state, text) = (row.lines.0, row.state.word(), shown(&row.instruction));
            lines.push(format!("{line:>4}  {state:<6} {bytes:>8} {time:>7}  {text}{mark}"));
            lines.extend(
                row.reason
                    .iter()
                    .map(|reason| format!("{:31}because {}", "", printable(reason))),
            );
        }
        lines
    }

    fn layers_table(&self) -> Vec<String> {
        let mut lines = vec!["LAYER  DIFF ID           SIZE  MADE BY".to_owned()];
        for (number, layer) in self.layers.iter().enumerate() {
            let diff_id = layer.diff_id.trim_start_matches("sha256:");
            let base = if layer.base { "base: " } else { "" };
            let mark = if layer.simulated { "  [simulated]" } else { "" };
            let (short, bytes) = (&diff_id[..diff_id.len().min(12)], size(layer.bytes));
            lines.push(format!(
                "{number:>5}  {short:<12}  {bytes:>8}  {base}{}{mark}",
                shown(&layer.created_by)
            ));
        }
        lines
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

/// The first line of an instruction, not too long.
fn shown(instruction: &str) -> String {
    let mut lines = instruction.lines();
    let first = printable(lines.next().unwrap_or("")).replace('\t', " ");
    let cut = lines.next().is_some() || first.chars().count() > SHOWN;
    let kept: String = first.chars().take(SHOWN).collect();
    if cut { format!("{}…", kept.trim_end()) } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        let row = |line, instruction: &str, state| Row {
            lines: (line, line),
            instruction: instruction.to_owned(),
            state,
            bytes: None,
            millis: None,
            simulated: false,
            reason: None,
        };
        Report {
            image_id: format!("sha256:{}", "1".repeat(64)),
            digest: format!("sha256:{}", "2".repeat(64)),
            tags: vec!["docker.io/library/site:latest".to_owned()],
            simulated: true,
            bytes: 7_520_000,
            lines: vec![
                Row {
                    simulated: true,
                    ..row(1, "FROM alpine:3.9.3", State::Base)
                },
                Row {
                    bytes: Some(12),
                    millis: Some(40),
                    reason: Some("index.html changed".to_owned()),
                    ..row(2, "COPY index.html /", State::Ran)
                },
                row(3, "CMD [\"x\"]", State::Config),
            ],
            layers: vec![LayerRow {
                diff_id: format!("sha256:{}", "3".repeat(64)),
                bytes: 7_520_000,
                created_by: "ADD file".to_owned(),
                base: true,
                simulated: true,
            }],
        }
    }

    #[test]
    fn the_tables_say_what_happened_why_and_what_is_simulated() {
        let expected = "\
LINE  STATE      SIZE    TIME  INSTRUCTION
   1  base                     FROM alpine:3.9.3  [simulated]
   2  ran         12B    0.0s  COPY index.html /
                               because index.html changed
   3  config                   CMD [\"x\"]

LAYER  DIFF ID           SIZE  MADE BY
    0  333333333333    7.52MB  base: ADD file  [simulated]

image     sha256:1111111111111111111111111111111111111111111111111111111111111111  (simulated: not the digest BuildKit would give)
named     docker.io/library/site:latest
size      7.52MB in 1 layer
";
        assert_eq!(sample().to_text(), expected);
    }

    #[test]
    fn json_has_the_same_facts() {
        let json: serde_json::Value = serde_json::from_str(&sample().to_json()).unwrap();
        assert_eq!(json["lines"][1]["state"], "ran");
        assert_eq!(json["lines"][1]["reason"], "index.html changed");
        assert_eq!(json["layers"][0]["simulated"], true);
        assert_eq!(json["simulated"], true);
    }

    #[test]
    fn long_instructions_are_cut() {
        assert_eq!(shown("RUN a\nb"), "RUN a…");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), SHOWN + 1);
    }
}
