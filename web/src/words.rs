//! Figures and states in words for a person.

use messages::{ChangeView, LineState};

/// `0 B`, `612 B`, `1.2 kB`, `64.2 MB`: decimal units with at most three digits, as `docker image ls` counts.
pub(crate) fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 || unit == "GB" {
            return if unit == "B" || value >= 99.95 {
                format!("{value:.0} {unit}")
            } else if value >= 9.995 {
                format!("{value:.1} {unit}")
            } else {
                format!("{value:.2} {unit}")
            };
        }
        value /= 1000.0;
    }
    unreachable!("GB is taken whatever the value")
}

/// `40 ms`, `1.2 s`, `2 min 5 s`.
pub(crate) fn millis(n: u64) -> String {
    match n {
        0..1000 => format!("{n} ms"),
        1000..60_000 => format!("{:.1} s", n as f64 / 1000.0),
        _ => format!("{} min {} s", n / 60_000, n % 60_000 / 1000),
    }
}

/// `1 file`, `2 files`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}

/// `0644`, as `ls` and `chmod` write permission bits.
pub(crate) fn mode(bits: u32) -> String {
    format!("{:04o}", bits & 0o7777)
}

/// The first twelve digits of a digest, as docker shows it; anything else is left as it is.
pub(crate) fn short_digest(digest: &str) -> &str {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    let is_digest = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if is_digest { &hex[..12] } else { digest }
}

/// What made a layer, as it stands in a Dockerfile: without the shell and the mark that builders put around it.
pub(crate) fn instruction(created_by: &str) -> String {
    let text = created_by.strip_suffix("# buildkit").unwrap_or(created_by).trim();
    if let Some(made) = text.strip_prefix("/bin/sh -c #(nop)") {
        return made.trim().to_owned();
    }
    match (text.strip_prefix("RUN /bin/sh -c "), text.strip_prefix("/bin/sh -c ")) {
        (Some(command), _) | (None, Some(command)) => format!("RUN {}", command.trim()),
        (None, None) => text.to_owned(),
    }
}

/// A clause as a sentence: `first build` becomes `First build.`, and `index.html changed` keeps the file's name.
pub(crate) fn sentence(clause: &str) -> String {
    let first = clause.split_whitespace().next().unwrap_or("");
    // A path, a variable or an option keeps its spelling.
    let is_word = first.chars().all(|c| c.is_ascii_lowercase());
    let mut text = match clause.chars().next() {
        Some(c) if is_word => format!("{}{}", c.to_uppercase(), &clause[c.len_utf8()..]),
        _ => clause.to_owned(),
    };
    if !text.is_empty() && !text.ends_with(['.', '!', '?', ':']) {
        text.push('.');
    }
    text
}

/// One word for a cell.
pub(crate) fn state(state: LineState) -> &'static str {
    match state {
        LineState::Base => "base",
        LineState::Cached => "cached",
        LineState::Runs => "runs",
        LineState::MayRun => "may run",
        LineState::Running => "running",
        LineState::Made => "made",
        LineState::Pruned => "pruned",
        LineState::Config => "config",
        LineState::Failed => "failed",
    }
}

/// The sign beside the word, so that no state is told by colour alone.
pub(crate) fn glyph(state: LineState) -> &'static str {
    match state {
        LineState::Base => "◆",
        LineState::Cached => "✓",
        LineState::Runs => "▸",
        LineState::MayRun => "?",
        LineState::Running => "…",
        LineState::Made => "+",
        LineState::Pruned => "✂",
        LineState::Config => "·",
        LineState::Failed => "✕",
    }
}

/// The name of the state in class names and in `data-state`.
pub(crate) fn slug(state: LineState) -> &'static str {
    match state {
        LineState::MayRun => "may",
        other => self::state(other),
    }
}

/// What becomes of a line, as the heading of its card.
pub(crate) fn verdict(line: usize, state: LineState) -> String {
    match state {
        LineState::Base => format!("Line {line} brings the base image"),
        LineState::Cached => format!("Line {line} comes from the cache"),
        LineState::Runs => format!("Line {line} will run"),
        LineState::MayRun => format!("Line {line} may run again"),
        LineState::Running => format!("Line {line} is running"),
        LineState::Made => format!("Line {line} ran"),
        LineState::Pruned => format!("Line {line} is not needed for this target"),
        LineState::Config => format!("Line {line} changes the configuration only"),
        LineState::Failed => format!("Line {line} cannot be built"),
    }
}

/// The sign of a change to a path.
pub(crate) fn change_glyph(change: ChangeView) -> &'static str {
    match change {
        ChangeView::Added => "+",
        ChangeView::Changed => "~",
        ChangeView::Deleted => "−",
        ChangeView::Same => "",
    }
}

/// A change to a path in one word.
pub(crate) fn change(change: ChangeView) -> &'static str {
    match change {
        ChangeView::Added => "added",
        ChangeView::Changed => "changed",
        ChangeView::Deleted => "deleted",
        ChangeView::Same => "same",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_docker_prints_them() {
        let cases = [
            (0, "0 B"),
            (612, "612 B"),
            (999, "999 B"),
            (1234, "1.23 kB"),
            (64_234_567, "64.2 MB"),
            (165_200_000, "165 MB"),
            (999_600, "1.00 MB"),
            (7_530_000_000_000, "7530 GB"),
        ];
        for (n, text) in cases {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn a_clause_becomes_a_sentence_and_a_name_keeps_its_spelling() {
        assert_eq!(sentence("first build of this step"), "First build of this step.");
        assert_eq!(sentence("index.html changed"), "index.html changed.");
        assert_eq!(sentence("Line 3 runs."), "Line 3 runs.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn an_instruction_stands_as_in_a_dockerfile() {
        let cases = [
            ("RUN /bin/sh -c apt-get update # buildkit", "RUN apt-get update"),
            ("/bin/sh -c apk add curl", "RUN apk add curl"),
            ("/bin/sh -c #(nop) ADD file:ab in / ", "ADD file:ab in /"),
            ("COPY index.html ./ # buildkit", "COPY index.html ./"),
            ("ADD rootfs.tar / # buildkit", "ADD rootfs.tar /"),
            ("", ""),
        ];
        for (created_by, text) in cases {
            assert_eq!(instruction(created_by), text);
        }
    }

    #[test]
    fn times_name_their_unit() {
        assert_eq!(millis(40), "40 ms");
        assert_eq!(millis(1240), "1.2 s");
        assert_eq!(millis(125_000), "2 min 5 s");
    }

    #[test]
    fn a_digest_is_cut_and_other_text_is_not() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        assert_eq!(short_digest(&digest), "0123456789ab");
        assert_eq!(short_digest("make directory"), "make directory");
    }
}
