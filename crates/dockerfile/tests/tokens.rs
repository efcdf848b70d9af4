//! What the editor colours.

use dockerfile::{TokenKind, parse};

/// Everything that is not plain text, as `kind text`.
fn check(source: &str, expected: &[(TokenKind, &str)]) {
    let parse = parse(source);
    let found: Vec<(TokenKind, &str)> = parse
        .tokens
        .iter()
        .filter(|token| token.kind != TokenKind::Text)
        .map(|token| (token.kind, &source[token.span.start..token.span.end]))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn keywords_names_flags_and_variables_are_told_apart() {
    use TokenKind::{Comment, Directive, Flag, Keyword, Name, String, Variable};
    check(
        "# syntax=x\n# hello\nFROM --platform=$P a:$T AS b\nENV A=\"x $B\" C=${D:-e}\nARG F\nRUN echo '$x' $y\n",
        &[
            (Directive, "# syntax=x"),
            (Comment, "# hello"),
            (Keyword, "FROM"),
            (Flag, "--platform="),
            (Variable, "$P"),
            (Variable, "$T"),
            (Keyword, "AS"),
            (Name, "b"),
            (Keyword, "ENV"),
            (Name, "A"),
            (String, "\"x "),
            (Variable, "$B"),
            (String, "\""),
            (Name, "C"),
            (Variable, "${D:-e}"),
            (Keyword, "ARG"),
            (Name, "F"),
            (Keyword, "RUN"),
            (String, "'$x'"),
            (Variable, "$y"),
        ],
    );
}

#[test]
fn continued_lines_and_heredocs_keep_their_parts() {
    use TokenKind::{Comment, Continuation, Heredoc, HeredocBody, Keyword, Name, String};
    check(
        "FROM scratch\nCOPY <<EOF \\\n # c\n  /x\nbody $A\nEOF\nCMD [\"a\"]\nRUN \"x\\\ny\"\n",
        &[
            (Keyword, "FROM"),
            (Name, "scratch"),
            (Keyword, "COPY"),
            (Heredoc, "<<EOF"),
            (Continuation, "\\"),
            (Comment, "# c"),
            (HeredocBody, "body $A\n"),
            (Heredoc, "EOF"),
            (Keyword, "CMD"),
            (String, "\"a\""),
            (Keyword, "RUN"),
            (String, "\"x"),
            (Continuation, "\\"),
            (String, "y\""),
        ],
    );
}

#[test]
fn unknown_keywords_and_triggers_are_marked() {
    use TokenKind::{Invalid, Keyword, Name};
    check(
        "FROM a\nWORDDIR /x\nONBUILD RUN x\nONBUILD ENV A=b\nHEALTHCHECK NONE\n",
        &[
            (Keyword, "FROM"),
            (Name, "a"),
            (Invalid, "WORDDIR"),
            (Keyword, "ONBUILD"),
            (Keyword, "RUN"),
            (Keyword, "ONBUILD"),
            (Keyword, "ENV"),
            (Name, "A"),
            (Keyword, "HEALTHCHECK"),
            (Keyword, "NONE"),
        ],
    );
}
