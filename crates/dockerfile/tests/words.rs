//! Words, quotes and variables: a table of what goes in and what comes out.

#![allow(clippy::disallowed_methods, reason = "a test reads its fixture")]

use dockerfile::expand;

fn env(name: &str) -> Option<String> {
    let value = match name {
        "HOME" => "/home/ada",
        "FILE" => "a.tar.gz",
        "EMPTY" => "",
        "LIST" => "one two",
        "Q" => "say \"hi\"",
        "STAR" => "*",
        "Ünï" => "x",
        "A1" => "b",
        "NEST" => "$HOME",
        "N" => "7",
        _ => return None,
    };
    Some(value.to_owned())
}

fn run(section: &str, input: &str) -> String {
    let result = match section {
        "[word]" => expand::word(input, '\\', &env).map(|expanded| expanded.text),
        "[backtick]" => expand::word(input, '`', &env).map(|expanded| expanded.text),
        "[words]" => expand::words(input, '\\', &env).map(|words| words.join("·")),
        "[heredoc]" => expand::heredoc_body(input, &env).map(|expanded| expanded.text),
        "[display]" => Ok(expand::display(input, '\\', &env)),
        other => panic!("no section {other}"),
    };
    result.unwrap_or_else(|error| format!("! {}", error.reason))
}

#[test]
fn every_row_of_the_table_holds() {
    let table = include_str!("fixtures/words.table");
    let (mut section, mut rows, mut wrong) = ("", 0, Vec::new());
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let (input, expected) = line.split_once(" |").expect("a row has two columns");
        let expected = expected.strip_prefix(' ').unwrap_or(expected);
        rows += 1;
        let got = run(section, input);
        if got != expected {
            wrong.push(format!("{section} {input}: expected {expected:?}, found {got:?}"));
        }
    }
    assert!(rows >= 150, "the table has lost rows: {rows}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_variable_counts_as_unmatched_even_where_a_default_stands_in() {
    let expanded = expand::word("$HOME${NONE:-${ALSO}}$NONE", '\\', &env).expect("a word");
    assert_eq!(expanded.used.into_iter().collect::<Vec<_>>(), ["HOME"]);
    assert_eq!(expanded.unmatched.into_iter().collect::<Vec<_>>(), ["ALSO", "NONE"]);
}

#[test]
fn an_error_repeats_the_word() {
    let error = expand::word("a ${}", '\\', &env).expect_err("nothing in braces");
    assert_eq!(
        error.to_string(),
        "failed to process \"a ${}\": syntax error: bad substitution"
    );
}

#[test]
fn deep_nesting_and_growth_have_limits() {
    let deep = "${NONE:-".repeat(10_000) + &"}".repeat(10_000);
    let reason = expand::word(&deep, '\\', &env).expect_err("too deep").reason;
    assert_eq!(reason, expand::Reason::TooDeep);
    let long = |_: &str| Some("x".repeat(100_000));
    let reason = expand::word(&"$A ".repeat(1000), '\\', &long)
        .expect_err("too long")
        .reason;
    assert_eq!(reason, expand::Reason::TooLong);
    let pattern = format!("${{A/{}/b}}", "*x".repeat(1000));
    let reason = expand::word(&pattern, '\\', &long).expect_err("too long").reason;
    assert_eq!(reason, expand::Reason::TooLong);
}
