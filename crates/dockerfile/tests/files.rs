//! Files as they come: byte-order marks, line breaks, long lines, and which error is reported.

use dockerfile::{Command, Kind, Phase, first_error, parse, parse_trigger};

fn message(source: &str) -> (String, Option<usize>) {
    let parse = parse(source);
    let error = first_error(&parse.diagnostics).expect("something is wrong");
    (error.message.clone(), error.line)
}

#[test]
fn a_byte_order_mark_belongs_to_no_word() {
    let parse = parse("\u{feff}# escape=`\nFROM scratch\n");
    assert_eq!(parse.dockerfile.escape, '`');
    assert!(parse.diagnostics.is_empty());
}

#[test]
fn carriage_returns_are_no_part_of_a_line_but_of_a_heredoc() {
    let parse = parse("FROM scratch\r\nRUN a \\\r\n  b\r\nCOPY <<EOF /x\r\nhi\r\nEOF\r\n");
    assert!(parse.diagnostics.is_empty());
    let instructions = &parse.dockerfile.instructions;
    let Kind::Run { command, .. } = &instructions[1].kind else {
        panic!("a RUN")
    };
    assert_eq!(command, &Command::Shell("a   b".into()));
    assert_eq!(instructions[2].heredocs[0].body, "hi\r\n");
}

#[test]
fn a_file_ends_without_a_line_break_or_in_the_middle() {
    for (source, text) in [
        ("FROM scratch\nRUN a", "a"),
        ("FROM scratch\nRUN a \\", "a"),
        ("FROM scratch\nRUN a \\\n\n", "a"),
    ] {
        let parse = parse(source);
        assert!(parse.diagnostics.is_empty(), "{source}");
        let Kind::Run { command, .. } = &parse.dockerfile.instructions[1].kind else {
            panic!("a RUN")
        };
        assert_eq!(command, &Command::Shell(text.into()));
    }
}

#[test]
fn an_empty_file_and_an_empty_looking_one_are_told_apart() {
    assert_eq!(message(""), ("the Dockerfile cannot be empty".into(), None));
    assert_eq!(message("\n\n"), ("file with no instructions".into(), Some(2)));
}

#[test]
fn a_line_of_64_kib_ends_the_file() {
    let source = format!("FROM scratch\nRUN {}\nRUN b\n", "x".repeat(70_000));
    assert_eq!(
        message(&source),
        ("dockerfile line greater than max allowed size of 65535".into(), Some(1))
    );
    assert_eq!(parse(&source).dockerfile.instructions.len(), 1);
    let heredoc = format!("FROM scratch\nCOPY <<E /x\n{}\nE\n", "x".repeat(70_000));
    assert_eq!(message(&heredoc).0, "unterminated heredoc");
}

#[test]
fn the_first_error_is_that_of_the_earliest_pass() {
    let source = "FROM scratch\nNONSENSE a\nENV A\n";
    let found: Vec<Phase> = parse(source)
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.phase)
        .collect();
    assert_eq!(found, [Phase::Instruction, Phase::Parse]);
    assert_eq!(message(source), ("ENV must have two arguments".into(), Some(3)));
}

#[test]
fn a_mistyped_from_does_not_make_every_line_an_error() {
    assert_eq!(parse("FORM scratch\nRUN a\nRUN b\n").diagnostics.len(), 1);
}

#[test]
fn a_trigger_needs_no_from() {
    let parse = parse_trigger("COPY <<E /x\na\nE");
    assert!(parse.diagnostics.is_empty());
    assert_eq!(parse.dockerfile.instructions[0].heredocs[0].body, "a\n");
}

#[test]
fn a_mistake_on_every_line_is_reported_a_thousand_times_and_the_worst_is_not_lost() {
    let source = format!("FROM scratch\n{}ENV A\n", "x\n".repeat(5000));
    assert_eq!(parse(&source).diagnostics.len(), 1001);
    assert_eq!(message(&source).0, "ENV must have two arguments");
}
