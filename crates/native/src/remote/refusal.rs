//! A worker's error: its words, and the place in the Dockerfile that it names.

use crate::failure::Failure;
use crate::input::Input;
use bollard_buildkit_proto::google::rpc;
use bollard_buildkit_proto::pb::{Range, SourceInfo};
use prost::Message;
use serde::Deserialize;
use tonic::Status;

/// Where a worker says that a build went wrong: the first and the last line.
type Lines = (usize, usize);

/// The failure of a build on a worker, with its place as a build on this machine has it. `step` is the name of the step
/// that failed, by which the place is found if the worker does not say it: those in Docker 20.10 do not.
pub(super) fn failure(input: &Input, status: &Status, step: Option<&str>) -> Failure {
    let failure = Failure::solve(words(status.message()));
    let lines = 1..=input.source.lines().count();
    let said = place(status).filter(|(first, last)| lines.contains(first) && lines.contains(last));
    match said.or_else(|| place_of_step(input, step?)) {
        Some(place) => failure.at(&input.name, &input.source, place),
        None => failure,
    }
}

/// The lines of the one instruction that is the step `[build 2/3] RUN make`.
fn place_of_step(input: &Input, step: &str) -> Option<Lines> {
    let (_, text) = step.split_once("] ")?;
    let parse = dockerfile::parse(&input.source);
    let mut same = parse
        .dockerfile
        .instructions
        .iter()
        .filter(|instruction| instruction.original == text);
    let found = same.next()?;
    same.next().is_none().then_some(found.lines)
}

/// Without what says only through which parts of the worker it came.
fn words(message: &str) -> &str {
    let message = message
        .strip_prefix("failed to solve with frontend dockerfile.v0: ")
        .unwrap_or(message);
    message.strip_prefix("failed to solve: ").unwrap_or(message)
}

/// `errdefs.Source`, which newer workers write as JSON and older ones as a message.
#[derive(Message)]
struct SourceMessage {
    #[prost(message, optional, tag = "1")]
    info: Option<SourceInfo>,
    #[prost(message, repeated, tag = "2")]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct SourceDocument {
    #[serde(default)]
    ranges: Vec<RangeDocument>,
}

#[derive(Deserialize)]
struct RangeDocument {
    #[serde(default)]
    start: PositionDocument,
    #[serde(default)]
    end: PositionDocument,
}

#[derive(Deserialize, Default)]
struct PositionDocument {
    #[serde(default)]
    line: usize,
}

fn place(status: &Status) -> Option<Lines> {
    let details = rpc::Status::decode(status.details()).ok()?.details;
    let sources = details
        .iter()
        .filter(|detail| detail.type_url.contains("errdefs.Source"));
    // The last is the innermost: the Dockerfile, and not what was made of it.
    let ranges: Vec<Lines> = sources
        .filter_map(|detail| match serde_json::from_slice::<SourceDocument>(&detail.value) {
            Ok(source) => Some(
                source
                    .ranges
                    .iter()
                    .map(|range| (range.start.line, range.end.line))
                    .collect(),
            ),
            Err(_) => message_lines(&detail.value),
        })
        .rfind(|ranges: &Vec<Lines>| !ranges.is_empty())?;
    let first = ranges.iter().map(|lines| lines.0).min()?;
    let last = ranges.iter().map(|lines| lines.1).max()?;
    Some((first, last.max(first)))
}

fn message_lines(bytes: &[u8]) -> Option<Vec<Lines>> {
    let source = SourceMessage::decode(bytes).ok()?;
    let line = |position: Option<bollard_buildkit_proto::pb::Position>| {
        position
            .and_then(|position| usize::try_from(position.line).ok())
            .unwrap_or(0)
    };
    Some(
        source
            .ranges
            .into_iter()
            .map(|range| (line(range.start), line(range.end)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard_buildkit_proto::google::protobuf::Any;
    use bollard_buildkit_proto::pb::Position;
    use tonic::Code;

    fn input() -> Input {
        Input {
            name: "Dockerfile".to_owned(),
            source: "FROM scratch\nCOPY a /a\nRUN b\n".to_owned(),
            ignore: String::new(),
            folder: None,
        }
    }

    fn refused(value: Vec<u8>) -> Failure {
        let detail = Any {
            type_url: "github.com/moby/buildkit/errdefs.Source+json".to_owned(),
            value,
        };
        let details = rpc::Status {
            code: 2,
            message: String::new(),
            details: vec![detail],
        };
        let message = "failed to solve: \"/a\": not found";
        let status = Status::with_details(Code::Unknown, message, details.encode_to_vec().into());
        failure(&input(), &status, None)
    }

    #[test]
    fn a_worker_that_names_no_place_is_helped_by_the_name_of_the_step() {
        let status = Status::new(Code::Unknown, "exit code: 1");
        assert!(
            failure(&input(), &status, Some("[2/2] RUN b"))
                .place
                .starts_with("Dockerfile:3\n")
        );
        for step in ["[2/2] RUN c", "exporting to image"] {
            assert_eq!(failure(&input(), &status, Some(step)).place, "");
        }
    }

    #[test]
    fn the_place_is_found_in_both_forms() {
        let json = br#"{"info":{"filename":"Dockerfile"},"ranges":[{"start":{"line":2},"end":{"line":2}}]}"#;
        let position = |line| Some(Position { line, character: 0 });
        let message = SourceMessage {
            info: None,
            ranges: vec![Range {
                start: position(2),
                end: position(2),
            }],
        };
        for value in [json.to_vec(), message.encode_to_vec()] {
            let text = refused(value).render();
            assert!(text.starts_with("Dockerfile:2\n"), "{text}");
            assert!(text.ends_with("error: failed to solve: \"/a\": not found\n"), "{text}");
        }
    }

    #[test]
    fn a_place_that_is_none_is_not_shown() {
        for value in [
            &b"{}"[..],
            b"",
            b"\xff\xff",
            br#"{"ranges":[{"start":{"line":9},"end":{"line":9}}]}"#,
        ] {
            assert_eq!(refused(value.to_vec()).place, "");
        }
    }
}
