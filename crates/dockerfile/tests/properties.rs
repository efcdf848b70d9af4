//! What holds for any text at all.

use dockerfile::{Parse, expand, parse, parse_trigger, render_plain};
use proptest::prelude::*;

/// Pieces that Dockerfiles are made of, and some that they are not.
const PIECES: [&str; 66] = [
    "FROM ",
    "from scratch",
    " AS ",
    "RUN ",
    "COPY ",
    "ADD ",
    "ENV ",
    "LABEL ",
    "ARG ",
    "ONBUILD ",
    "HEALTHCHECK ",
    "CMD ",
    "SHELL ",
    "VOLUME ",
    "EXPOSE ",
    "WORKDIR ",
    "MAINTAINER ",
    "STOPSIGNAL ",
    "USER ",
    "WORDDIR ",
    "--from=",
    "--mount=",
    "--mount=type=cache,target=/x ",
    "--link",
    "--",
    "=",
    "a",
    "b=c",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\\\n",
    "\\ \n",
    "\\",
    "`\n",
    "#",
    "# escape=`\n",
    "# syntax=x\n",
    "# check=skip=all\n",
    "#!/x\n",
    "<<EOF",
    "<<-EOF ",
    "<<'E F'",
    "\nEOF\n",
    "\n\tEOF\n",
    "[\"a\", \"b\"]",
    "[",
    "]",
    "\"",
    "'",
    ",",
    "$",
    "${",
    "}",
    "$A",
    "${A:-b}",
    "${A/x/y}",
    "${A%%.*}",
    ":",
    "é",
    "\u{feff}",
    "\u{a0}",
    "\0",
    "😀",
    "/",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

fn check(source: &str, parse: &Parse) {
    let mut at = 0;
    for token in &parse.tokens {
        assert_eq!(token.span.start, at, "tokens leave no gap and do not overlap");
        assert!(token.span.end > at, "no token is empty");
        at = token.span.end;
        assert!(source.is_char_boundary(at), "a token ends where a character does");
    }
    assert_eq!(at, source.len(), "tokens cover the source");
    for diagnostic in &parse.diagnostics {
        assert!(
            source.get(diagnostic.span.start..diagnostic.span.end).is_some(),
            "{diagnostic:?}"
        );
        for (span, _) in diagnostic.fix.iter().flat_map(|fix| &fix.edits) {
            assert!(source.get(span.start..span.end).is_some(), "{diagnostic:?}");
        }
        assert!(!render_plain(source, diagnostic).is_empty());
    }
    let mut line = 0;
    for instruction in &parse.dockerfile.instructions {
        assert!(
            source.get(instruction.span.start..instruction.span.end).is_some(),
            "{instruction:?}"
        );
        let keyword = instruction.keyword.span;
        let written = source.get(keyword.start..keyword.end).expect("a keyword has a place");
        assert!(
            written == instruction.keyword.value || written.contains('\n'),
            "{instruction:?}"
        );
        assert!(
            instruction.lines.0 > line && instruction.lines.1 >= instruction.lines.0,
            "lines go on"
        );
        line = instruction.lines.1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_and_every_byte_is_accounted_for(source in text()) {
        check(&source, &parse(&source));
        check(&source, &parse_trigger(&source));
    }

    #[test]
    fn reading_twice_gives_the_same(source in text()) {
        prop_assert_eq!(parse(&source), parse(&source));
    }

    #[test]
    fn any_word_expands_or_says_why_not(word in text(), value in text()) {
        let env = |name: &str| (name != "N").then(|| value.clone());
        for escape in ['\\', '`'] {
            let expanded = expand::word(&word, escape, &env);
            prop_assert_eq!(expanded.is_ok(), expand::words(&word, escape, &env).is_ok());
            let _ = expand::heredoc_body(&word, &env);
            let _ = expand::display(&word, escape, &env);
        }
    }

    #[test]
    fn a_word_without_special_characters_stays_as_it_is(word in "[a-zA-Z0-9 ./:=_-]{0,40}") {
        prop_assert_eq!(expand::word(&word, '\\', &|_| None).expect("a plain word").text, word);
    }

    #[test]
    fn durations_are_read_or_refused(text in "[-+.0-9nuµmsh]{0,12}") {
        let _ = dockerfile::parse_duration(&text);
    }
}
