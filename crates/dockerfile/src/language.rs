//! The instructions there are, and the flags that each of them takes.

/// An instruction of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    /// Its keyword, in upper case.
    pub keyword: &'static str,
    /// Its flags without the dashes, and what they take.
    pub flags: &'static [(&'static str, Takes)],
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, `true` or `false`.
    Switch,
    /// One text, once.
    Text,
    /// A text, any number of times.
    Texts,
}

/// Every instruction, by keyword.
pub const INSTRUCTIONS: [Syntax; 18] = [
    with_flags("ADD", ADD),
    with_flags("ARG", &[]),
    with_flags("CMD", &[]),
    with_flags("COPY", COPY),
    with_flags("ENTRYPOINT", &[]),
    with_flags("ENV", &[]),
    with_flags("EXPOSE", &[]),
    with_flags("FROM", &[("platform", Takes::Text)]),
    with_flags("HEALTHCHECK", HEALTHCHECK),
    with_flags("LABEL", &[]),
    with_flags("MAINTAINER", &[]),
    with_flags("ONBUILD", &[]),
    with_flags("RUN", RUN),
    with_flags("SHELL", &[]),
    with_flags("STOPSIGNAL", &[]),
    with_flags("USER", &[]),
    with_flags("VOLUME", &[]),
    with_flags("WORKDIR", &[]),
];

const ADD: &[(&str, Takes)] = &[
    ("checksum", Takes::Text),
    ("chmod", Takes::Text),
    ("chown", Takes::Text),
    ("exclude", Takes::Texts),
    ("keep-git-dir", Takes::Switch),
    ("link", Takes::Switch),
    ("unpack", Takes::Switch),
];

const COPY: &[(&str, Takes)] = &[
    ("chmod", Takes::Text),
    ("chown", Takes::Text),
    ("exclude", Takes::Texts),
    ("from", Takes::Text),
    ("link", Takes::Switch),
    ("parents", Takes::Switch),
];

const HEALTHCHECK: &[(&str, Takes)] = &[
    ("interval", Takes::Text),
    ("retries", Takes::Text),
    ("start-interval", Takes::Text),
    ("start-period", Takes::Text),
    ("timeout", Takes::Text),
];

const RUN: &[(&str, Takes)] = &[
    ("mount", Takes::Texts),
    ("network", Takes::Text),
    ("security", Takes::Text),
];

const fn with_flags(keyword: &'static str, flags: &'static [(&'static str, Takes)]) -> Syntax {
    Syntax { keyword, flags }
}

/// The keywords, in order.
pub(crate) fn keywords() -> impl Iterator<Item = &'static str> {
    INSTRUCTIONS.into_iter().map(|syntax| syntax.keyword)
}

/// The flags of the instruction with this keyword in upper case; none if there is no such instruction.
pub(crate) fn flags(keyword: &str) -> &'static [(&'static str, Takes)] {
    INSTRUCTIONS
        .into_iter()
        .find(|syntax| syntax.keyword == keyword)
        .map_or(&[], |syntax| syntax.flags)
}
