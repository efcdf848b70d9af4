//! A list of rows as a tree that can be folded and filtered.

use std::collections::BTreeSet;

use messages::{ChangeView, FileRow};

use super::Filter;

/// From so many rows on, a tree opens with its directories folded.
const MANY: usize = 120;

/// A row that is to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Branch {
    /// Index into the rows.
    pub(crate) row: usize,
    /// Depth, from 0.
    pub(crate) depth: usize,
    /// For a directory with something in it: is it open?
    pub(crate) open: Option<bool>,
}

/// The rows to draw: those that `filter` takes and the directories above them, without what stands under a folded directory.
///
/// `rows` are in order of path, parents before children. A filter opens every directory that leads to a row it takes.
pub(crate) fn branches(rows: &[FileRow], folded: &BTreeSet<String>, filter: &Filter) -> Vec<Branch> {
    let kept = kept(rows, filter);
    let mut shown = Vec::new();
    let mut under: Option<&str> = None;
    for (index, row) in rows.iter().enumerate() {
        if !kept[index] || under.is_some_and(|dir| is_under(&row.path, dir)) {
            continue;
        }
        under = None;
        let has_more = rows.get(index + 1).is_some_and(|next| is_under(&next.path, &row.path));
        let closed = filter.is_empty() && folded.contains(&row.path);
        if has_more && closed {
            under = Some(&row.path);
        }
        shown.push(Branch {
            row: index,
            depth: row.path.matches('/').count(),
            open: has_more.then_some(!closed),
        });
    }
    shown
}

/// Which directories are folded when rows arrive: none of a few; of many, those that do not lead to a change.
pub(crate) fn first_folds(rows: &[FileRow]) -> BTreeSet<String> {
    if rows.len() <= MANY {
        return BTreeSet::new();
    }
    let changed: Vec<&FileRow> = rows
        .iter()
        .filter(|row| row.change != ChangeView::Same && row.kind != "dir")
        .collect();
    // All of it is new or nothing is: then changes lead nowhere in particular.
    let lead = if changed.len() <= MANY / 2 { changed } else { Vec::new() };
    let dirs = rows.iter().filter(|row| row.kind == "dir");
    let folded = dirs.filter(|dir| !lead.iter().any(|row| is_under(&row.path, &dir.path)));
    folded.map(|dir| dir.path.clone()).collect()
}

/// The last name of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The directory that a path stands in; `None` at the top.
pub(crate) fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(dir, _)| dir)
}

fn kept(rows: &[FileRow], filter: &Filter) -> Vec<bool> {
    let mut kept: Vec<bool> = rows.iter().map(|row| filter.is_empty() || filter.takes(row)).collect();
    // From the end: a directory is kept for the sake of the nearest kept row behind it, if that stands in it.
    let mut last: Option<usize> = None;
    for index in (0..rows.len()).rev() {
        kept[index] = kept[index] || last.is_some_and(|next| is_under(&rows[next].path, &rows[index].path));
        if kept[index] {
            last = Some(index);
        }
    }
    kept
}

fn is_under(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(paths: &[&str]) -> Vec<FileRow> {
        let row = |path: &&str| match path.strip_suffix('/') {
            Some(dir) => FileRow {
                path: dir.to_owned(),
                kind: "dir".to_owned(),
                ..FileRow::default()
            },
            None => FileRow {
                path: (*path).to_owned(),
                kind: "file".to_owned(),
                change: ChangeView::Added,
                ..FileRow::default()
            },
        };
        paths.iter().map(row).collect()
    }

    fn shown(rows: &[FileRow], folded: &[&str], filter: &str) -> Vec<String> {
        let folded = folded.iter().map(ToString::to_string).collect();
        let branches = branches(rows, &folded, &Filter::of(filter));
        branches.iter().map(|branch| rows[branch.row].path.clone()).collect()
    }

    #[test]
    fn a_folded_directory_hides_what_is_in_it_and_nothing_else() {
        let rows = rows(&["a/", "a/b/", "a/b/c", "ab", "d/", "d/e"]);
        assert_eq!(shown(&rows, &["a"], ""), ["a", "ab", "d", "d/e"]);
        assert_eq!(shown(&rows, &["a/b"], ""), ["a", "a/b", "ab", "d", "d/e"]);
    }

    #[test]
    fn a_filter_keeps_the_way_to_what_it_finds() {
        let rows = rows(&["a/", "a/b/", "a/b/c", "ab", "d/", "d/e"]);
        assert_eq!(shown(&rows, &["a"], "b/c"), ["a", "a/b", "a/b/c"]);
        assert_eq!(shown(&rows, &[], "added d"), ["d", "d/e"]);
    }

    #[test]
    fn an_empty_directory_cannot_be_opened() {
        let rows = rows(&["a/", "b/", "b/c"]);
        let branches = branches(&rows, &BTreeSet::new(), &Filter::default());
        assert_eq!(
            branches.iter().map(|branch| branch.open).collect::<Vec<_>>(),
            [None, Some(true), None]
        );
    }

    #[test]
    fn a_huge_tree_opens_where_something_changed() {
        let mut many = rows(&["etc/", "etc/new", "usr/"]);
        for n in 0..200 {
            let mut row = rows(&["x"]).remove(0);
            row.path = format!("usr/{n:03}");
            row.change = ChangeView::Same;
            many.push(row);
        }
        assert_eq!(first_folds(&many), BTreeSet::from(["usr".to_owned()]));
    }
}
