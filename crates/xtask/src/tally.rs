//! Counting tests by the closing lines of their runners.

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Tally {
    /// Counts both of `other` too.
    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// What one line of a runner's output says: cargo's, wasm-bindgen's or node's closing lines, nothing for any other.
    pub(crate) fn of_line(line: &str) -> Tally {
        let line = strip_colour(line);
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result:") {
            return Tally {
                passed: before(result, " passed"),
                failed: before(result, " failed"),
            };
        }
        // Node: `# pass 3` in TAP, `ℹ pass 3` in its own format.
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["#" | "ℹ", "pass", count] => Tally {
                passed: count.parse().unwrap_or(0),
                failed: 0,
            },
            ["#" | "ℹ", "fail" | "cancelled", count] => Tally {
                passed: 0,
                failed: count.parse().unwrap_or(0),
            },
            _ => Tally::default(),
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The number that stands right before `word`.
fn before(text: &str, word: &str) -> usize {
    text.find(word)
        .and_then(|end| text[..end].rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

fn strip_colour(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut parts = line.split('\u{1b}');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, passed: usize, failed: usize) {
        assert_eq!(Tally::of_line(line), Tally { passed, failed }, "{line:?}");
    }

    #[test]
    fn closing_lines_of_cargo_are_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            12,
            0,
        );
        check("test result: FAILED. 3 passed; 2 failed; 0 ignored", 3, 2);
        check("test result: \u{1b}[32mok\u{1b}[0m. 4 passed; 0 failed", 4, 0);
    }

    #[test]
    fn closing_lines_of_node_are_counted() {
        check("# pass 7", 7, 0);
        check("ℹ fail 2", 0, 2);
        check("# cancelled 1", 0, 1);
    }

    #[test]
    fn other_lines_count_nothing() {
        check("running 3 tests", 0, 0);
        check("3 passed, 0 failed", 0, 0);
        check("", 0, 0);
    }
}
