//! Which users of the machine stand for which users of a namespace.

use std::fs::File;
use std::io::{self, BufReader, Read as _};

/// No such file is longer; what comes after it is not read.
const MAX_BYTES: u64 = 4 << 20;

/// Numbers that a user may use beside its own: the first of a range, and how many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subordinate {
    pub(super) uids: Vec<(u32, u32)>,
    pub(super) gids: Vec<(u32, u32)>,
}

impl Subordinate {
    /// Those of a user; a reason if it has none.
    pub(super) fn read(uid: u32) -> Result<Self, String> {
        let name = name_of(uid);
        let of = |path: &str| {
            let ranges = ranges_of(lines(path), uid, name.as_deref());
            (!ranges.is_empty()).then_some(ranges).ok_or_else(|| match &name {
                Some(name) => format!("{path} has no line for {name}"),
                None => format!("{path} has no line for {uid}"),
            })
        };
        Ok(Self {
            uids: of("/etc/subuid")?,
            gids: of("/etc/subgid")?,
        })
    }
}

fn lines(path: &str) -> impl Iterator<Item = String> {
    let file = File::open(path).map(|file| BufReader::new(file.take(MAX_BYTES)));
    file.into_iter().flat_map(io::BufRead::lines).map_while(Result::ok)
}

fn name_of(uid: u32) -> Option<String> {
    let is_it = |line: &String| line.split(':').nth(2).and_then(|field| field.parse().ok()) == Some(uid);
    let line = lines("/etc/passwd").find(is_it)?;
    line.split(':').next().map(str::to_owned)
}

/// Lines as `name:100000:65536`, by name or number.
fn ranges_of(lines: impl Iterator<Item = String>, uid: u32, name: Option<&str>) -> Vec<(u32, u32)> {
    let range = |line: String| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let is_own = Some(owner) == name || owner.parse() == Ok(uid);
        let (first, count) = (fields.next()?.trim().parse().ok()?, fields.next()?.trim().parse().ok()?);
        (is_own && count > 0).then_some((first, count))
    };
    lines.filter_map(range).collect()
}

/// Lines of a map: first number inside, first number outside, how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Map {
    lines: Vec<(u32, u32, u32)>,
}

impl Map {
    /// 0 is `own`; the ranges follow without a gap.
    pub(super) fn with_ranges(own: u32, ranges: &[(u32, u32)]) -> Self {
        let mut lines = vec![(0, own, 1)];
        let mut next = 1_u32;
        for (first, count) in ranges {
            lines.push((next, *first, *count));
            let Some(after) = next.checked_add(*count) else {
                break;
            };
            next = after;
        }
        Self { lines }
    }

    /// As `newuidmap` takes them.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.lines
            .iter()
            .flat_map(|(inside, outside, count)| [inside, outside, count])
            .map(u32::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_by_name_and_by_number() {
        let lines = [
            "# none",
            "ann:100000:65536",
            "1000:300000:10",
            "bob:200000:65536",
            "ann:x:1",
            "ann:5:0",
        ];
        let found = |uid, name| ranges_of(lines.iter().map(|line| (*line).to_owned()), uid, name);
        assert_eq!(found(1000, Some("ann")), [(100_000, 65536), (300_000, 10)]);
        // A user without a name is not the one whose name is empty.
        assert_eq!(found(7, None), []);
    }

    #[test]
    fn a_map_begins_with_root_and_has_no_gap() {
        let map = Map::with_ranges(1000, &[(100_000, 65536), (300_000, 10)]);
        let words: Vec<String> = map.words().collect();
        assert_eq!(words.join(" "), "0 1000 1 1 100000 65536 65537 300000 10");
    }
}
