//! What is typed to narrow a tree of files: words of a path, `> 1 MB`, `added`.

use messages::{ChangeView, FileRow};

/// Conditions that a row must meet, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    parts: Vec<String>,
    more: Option<u64>,
    less: Option<u64>,
    changes: Vec<ChangeView>,
    hidden: bool,
}

impl Filter {
    /// Reads any text; what is no size and no word for a change is part of a path.
    pub(crate) fn of(text: &str) -> Filter {
        let mut filter = Filter::default();
        // `> 1 MB` may be written with blanks or without.
        let spread = text.replace('>', " > ").replace('<', " < ");
        let mut words = spread.split_whitespace().peekable();
        while let Some(word) = words.next() {
            match word.trim_end_matches(',').to_lowercase().as_str() {
                sign @ (">" | "<") => {
                    let Some(number) = words.next() else { continue };
                    let unit = words.next_if(|unit| factor(&unit.to_lowercase()).is_some());
                    let size = size(&format!("{number}{}", unit.unwrap_or("")).to_lowercase());
                    if sign == ">" {
                        filter.more = size;
                    } else {
                        filter.less = size;
                    }
                }
                "added" | "new" => filter.changes.push(ChangeView::Added),
                "changed" => filter.changes.push(ChangeView::Changed),
                "deleted" | "removed" => filter.changes.push(ChangeView::Deleted),
                "hidden" => filter.hidden = true,
                "" => {}
                part => filter.parts.push(part.to_owned()),
            }
        }
        filter
    }

    /// True if every row passes.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// True if the row itself meets the conditions; the directories above it are the tree's affair.
    pub(crate) fn takes(&self, row: &FileRow) -> bool {
        let path = row.path.to_lowercase();
        // A directory weighs what is in it: it would answer for its files.
        let of_files = self.more.is_some() || self.less.is_some() || !self.changes.is_empty();
        self.parts.iter().all(|part| path.contains(part.as_str()))
            && !(of_files && row.kind == "dir" && row.change != ChangeView::Deleted)
            && self.more.is_none_or(|least| row.bytes > least)
            && self.less.is_none_or(|most| row.bytes < most)
            && (self.changes.is_empty() || self.changes.contains(&row.change))
            && (!self.hidden || row.hidden)
    }
}

fn factor(unit: &str) -> Option<f64> {
    Some(match unit {
        "b" | "" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        _ => return None,
    })
}

fn size(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse::<f64>().ok()? * factor(unit)?) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, bytes: u64, change: ChangeView) -> FileRow {
        FileRow {
            path: path.to_owned(),
            kind: "file".to_owned(),
            bytes,
            change,
            ..FileRow::default()
        }
    }

    #[test]
    fn conditions_add_up() {
        let filter = Filter::of("var > 1 MB added");
        assert!(filter.takes(&row("var/big", 2_000_000, ChangeView::Added)));
        assert!(!filter.takes(&row("var/small", 2_000, ChangeView::Added)));
        assert!(!filter.takes(&row("usr/big", 2_000_000, ChangeView::Added)));
        assert!(!filter.takes(&row("var/big", 2_000_000, ChangeView::Same)));
    }

    #[test]
    fn sizes_are_read_with_and_without_blanks() {
        for text in [">1.5k", "> 1.5k", "> 1.5 kB", ">1500"] {
            assert!(Filter::of(text).takes(&row("a", 1501, ChangeView::Same)), "{text}");
            assert!(!Filter::of(text).takes(&row("a", 1500, ChangeView::Same)), "{text}");
        }
    }

    #[test]
    fn nonsense_filters_nothing_by_size() {
        assert!(Filter::of(">").is_empty());
        assert!(Filter::of("> x").takes(&row("a", 0, ChangeView::Same)));
    }
}
