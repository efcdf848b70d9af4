//! What to say of an image that the catalogue does not have.

use crate::image::list;
use oci::Reference;
use std::fmt;

/// Names and tags that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suggestion {
    /// The most likely image, as one would write it: `ubuntu:bionic`.
    pub meant: Option<String>,
    /// The tags that the catalogue has of this name; if it has none, the names it has.
    pub known: Vec<String>,
}

/// What `reference` may have meant.
pub fn suggest(reference: &Reference) -> Suggestion {
    let name = reference
        .repository()
        .strip_prefix("library/")
        .unwrap_or(reference.repository());
    let tag = reference.tag().unwrap_or("latest");
    let tags: Vec<&str> = list()
        .filter(|image| image.name() == name)
        .flat_map(|image| image.tags())
        .collect();
    if !tags.is_empty() {
        return Suggestion {
            meant: nearest(tag, &tags).map(|tag| format!("{name}:{tag}")),
            known: tags.into_iter().map(str::to_owned).collect(),
        };
    }
    let mut names: Vec<&str> = list().map(|image| image.name()).collect();
    names.sort_unstable();
    names.dedup();
    let last = name.rsplit('/').next().unwrap_or(name);
    let meant = nearest(last, &names).map(|near| {
        let has_tag = list().any(|image| image.name() == near && image.tags().any(|known| known == tag));
        if has_tag {
            format!("{near}:{tag}")
        } else {
            near.to_owned()
        }
    });
    Suggestion {
        meant,
        known: names.into_iter().map(str::to_owned).collect(),
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(meant) = &self.meant {
            write!(f, "did you mean {meant}? ")?;
        }
        write!(f, "The catalogue has: {}", self.known.join(", "))
    }
}

/// The word that takes the fewest edits, if they are few.
fn nearest<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    words
        .iter()
        .map(|known| (distance(word, known), *known))
        .filter(|(edits, known)| *edits <= 1 + known.len() / 4)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, known)| known)
}

/// How many letters must be added, removed or changed.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    // A name that is longer than any of ours is far from all: the work stays small.
    for (at, letter) in from.chars().take(64).enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (column, other) in to.iter().enumerate() {
            let changed = before + usize::from(letter != *other);
            before = row[column + 1];
            row[column + 1] = changed.min(before + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn a_misspelt_name_or_tag_finds_its_neighbour() {
        let meant = |name: &str| suggest(&name.parse().unwrap()).meant;
        assert_eq!(meant("ubunto:bionic"), Some("ubuntu:bionic".to_owned()));
        assert_eq!(meant("ubuntu:bionc"), Some("ubuntu:bionic".to_owned()));
        assert_eq!(meant("registr:2"), Some("registry:2".to_owned()));
        assert_eq!(meant("alpine:3.9.2"), Some("alpine:3.9.3".to_owned()));
        assert_eq!(meant("completelydifferent"), None);
    }

    #[test]
    fn known_tags_are_listed() {
        let known = suggest(&"alpine:0.1".parse().unwrap()).known;
        assert!(known.contains(&"3.9.3".to_owned()), "{known:?}");
    }
}
