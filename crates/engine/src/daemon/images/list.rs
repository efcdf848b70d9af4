//! Lists of images, filtered as `docker image ls` filters.

use super::super::{Daemon, Refusal};
use super::StoredImage;
use builder::Fidelity;
use oci::{Digest, Time};
use std::collections::BTreeMap;

/// Which images are listed. What is empty does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFilters {
    /// Only those without names, or only those with.
    pub dangling: Option<bool>,
    /// Only names that match one of these patterns: `alpine`, `alp*:3.*`.
    pub references: Vec<String>,
    /// Only those with all of these labels; a value of `None` is any.
    pub labels: Vec<(String, Option<String>)>,
    /// Only those made before this image.
    pub before: Option<String>,
    /// Only those made after this image.
    pub since: Option<String>,
    /// Only those made before this time.
    pub until: Option<Time>,
}

/// Whether images of build steps are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intermediates {
    /// `-a`.
    Show,
    /// Those that have no name and that others were built on are left out.
    Hide,
}

/// How names become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// One for each tag.
    Tags,
    /// One for each tag and digest: `--digests`.
    Digests,
}

/// A row of `docker image ls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRow {
    /// The repository as Docker shows it; `None` is `<none>`.
    pub repository: Option<String>,
    /// The tag; `None` is `<none>`.
    pub tag: Option<String>,
    /// The digest, with [`Rows::Digests`].
    pub digest: Option<Digest>,
    /// The image.
    pub id: Digest,
    /// When it was made.
    pub created: Time,
    /// The bytes of the files of its layers.
    pub size: u64,
    /// How many containers are made of it.
    pub containers: usize,
    /// Whether anything in it is simulated.
    pub fidelity: Fidelity,
}

impl Daemon {
    /// The rows of `docker image ls`, the newest image first.
    ///
    /// With one pattern in `filters.references` it is also what `docker image ls NAME` lists.
    ///
    /// # Errors
    ///
    /// As [`image`](Daemon::image), for the images that filters name.
    pub fn list_images(
        &self,
        filters: &ImageFilters,
        intermediates: Intermediates,
        rows: Rows,
    ) -> Result<Vec<ImageRow>, Refusal> {
        let created = |name: &Option<String>| -> Result<Option<Time>, Refusal> {
            name.as_deref().map(|name| Ok(self.image(name)?.created())).transpose()
        };
        let (before, since) = (created(&filters.before)?, created(&filters.since)?);
        let mut images: Vec<&StoredImage> = self
            .images()
            .filter(|image| {
                let made = image.created();
                before.is_none_or(|before| made < before)
                    && since.is_none_or(|since| made > since)
                    && filters.until.is_none_or(|until| made < until)
                    && filters
                        .labels
                        .iter()
                        .all(|label| has_label(&image.image.config.config.labels, label))
            })
            .collect();
        images.sort_by_key(|image| std::cmp::Reverse(image.created()));
        Ok(images
            .into_iter()
            .flat_map(|image| self.rows_of(image, filters, intermediates, rows))
            .collect())
    }

    fn rows_of(
        &self,
        image: &StoredImage,
        filters: &ImageFilters,
        intermediates: Intermediates,
        rows: Rows,
    ) -> Vec<ImageRow> {
        let row = |repository, tag, digest| ImageRow {
            repository,
            tag,
            digest,
            id: image.id,
            created: image.created(),
            size: image.size(),
            containers: self.containers.using(image.id).count(),
            fidelity: image.fidelity,
        };
        let names = self.images.names_of(image.id).filter(|name| {
            let mut patterns = filters.references.iter();
            filters.references.is_empty() || patterns.any(|pattern| matches_name(pattern, name))
        });
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut digests: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
        for name in names {
            match (name.digest(), name.tag()) {
                (Some(digest), _) => digests.entry(name.familiar_name()).or_default().push(digest),
                (None, tag) => tags
                    .entry(name.familiar_name())
                    .or_default()
                    .push(tag.unwrap_or("latest").to_owned()),
            }
        }
        if tags.is_empty() && digests.is_empty() {
            let is_shown = !self.images.has_name(image.id)
                && (intermediates == Intermediates::Show || self.images.children(image.id).next().is_none())
                && filters.dangling != Some(false)
                && filters.references.is_empty();
            return if is_shown {
                vec![row(None, None, None)]
            } else {
                Vec::new()
            };
        }
        if filters.dangling == Some(true) && !tags.is_empty() {
            return Vec::new();
        }
        let mut listed = Vec::new();
        for (repository, tags) in tags {
            let known = digests.remove(&repository).unwrap_or_default();
            for tag in tags {
                let cell = |digest| row(Some(repository.clone()), Some(tag.clone()), digest);
                if rows == Rows::Tags || known.is_empty() {
                    listed.push(cell(None));
                } else {
                    listed.extend(known.iter().map(|digest| cell(Some(*digest))));
                }
            }
        }
        for (repository, known) in digests {
            let cell = |digest| row(Some(repository.clone()), None, digest);
            if rows == Rows::Tags {
                listed.push(cell(None));
            } else {
                listed.extend(known.iter().map(|digest| cell(Some(*digest))));
            }
        }
        listed
    }
}

/// Whether a label is there, with this value if one is asked for.
pub(crate) fn has_label(labels: &BTreeMap<String, String>, (key, wanted): &(String, Option<String>)) -> bool {
    labels
        .get(key)
        .is_some_and(|value| wanted.as_ref().is_none_or(|wanted| wanted == value))
}

fn matches_name(pattern: &str, name: &oci::Reference) -> bool {
    matches_pattern(pattern, &name.familiar()) || matches_pattern(pattern, &name.familiar_name())
}

/// Whether `text` matches a pattern of Go's `path.Match`: `*` and `?` stop at slashes, `[a-z]` and `[^a-z]` are classes, a
/// backslash takes what follows as it is. A broken pattern matches nothing.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Where the last star stands and what it has taken so far: only the last one ever needs to take more.
    let (mut at, mut seen, mut star) = (0, 0, None::<(usize, usize)>);
    while seen < text.len() || at < pattern.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, seen));
            at += 1;
            continue;
        }
        if let Some(next) = text.get(seen).and_then(|found| match_one(&pattern, at, *found)) {
            at = next;
            seen += 1;
            continue;
        }
        match star {
            Some((place, taken)) if text.get(taken).is_some_and(|found| *found != '/') => {
                star = Some((place, taken + 1));
                at = place + 1;
                seen = taken + 1;
            }
            _ => return false,
        }
    }
    true
}

/// Where the pattern goes on if its next element is `found`.
fn match_one(pattern: &[char], at: usize, found: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => (found != '/').then_some(at + 1),
        '\\' => (*pattern.get(at + 1)? == found).then_some(at + 2),
        '[' => {
            let end = at + 2 + pattern.get(at + 2..)?.iter().position(|c| *c == ']')?;
            let negated = pattern[at + 1] == '^';
            let class = &pattern[at + 1 + usize::from(negated)..end];
            let mut inside = false;
            let mut i = 0;
            while i < class.len() {
                if class.get(i + 1) == Some(&'-') && i + 2 < class.len() {
                    inside |= (class[i]..=class[i + 2]).contains(&found);
                    i += 3;
                } else {
                    inside |= class[i] == found;
                    i += 1;
                }
            }
            (inside != negated).then_some(end + 1)
        }
        other => (*other == found).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::matches_pattern;

    #[test]
    fn patterns_are_those_of_path_match() {
        let yes = [
            ("alpine", "alpine"),
            ("alp*", "alpine:3.9"),
            ("*:latest", "app:latest"),
            ("a?p", "app"),
            ("[a-c]pp:*", "app:1"),
            ("[^b]pp", "app"),
            ("r/*/x", "r/y/x"),
            ("*", ""),
            ("a\\*", "a*"),
        ];
        for (pattern, text) in yes {
            assert!(matches_pattern(pattern, text), "{pattern} {text}");
        }
        let no = [
            ("alpine", "alpine:3"),
            ("*", "user/app"),
            ("a?p", "a/p"),
            ("[a", "a"),
            ("", "a"),
            ("*b*c", "abd"),
        ];
        for (pattern, text) in no {
            assert!(!matches_pattern(pattern, text), "{pattern} {text}");
        }
    }
}
