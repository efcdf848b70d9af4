//! Which paths of a folder a worker asked for: names, patterns, and what links there lead to.

use builder::Pattern;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// The paths that were asked for.
#[derive(Debug)]
pub(super) struct Follow {
    /// `None` for everything.
    paths: Option<BTreeSet<String>>,
}

/// Links are followed so far.
const MAX_HOPS: usize = 255;

impl Follow {
    /// Finds in `root` what the paths or patterns of `asked` name. Without any, everything is asked for.
    ///
    /// # Errors
    ///
    /// If a folder that a pattern looks into cannot be read.
    pub(super) fn new(root: &Path, asked: &[String]) -> io::Result<Follow> {
        let everything = |path: &String| path.split('/').any(|part| part == "**") || clean(path).is_empty();
        // A pattern over any number of folders may want anything; sending more than was asked for is no error.
        if asked.is_empty() || asked.iter().any(everything) {
            return Ok(Follow { paths: None });
        }
        let mut search = Search {
            root,
            found: BTreeSet::new(),
            hops: 0,
        };
        for path in asked {
            search.find("", &clean(path))?;
        }
        Ok(Follow {
            paths: Some(search.found),
        })
    }

    /// Whether `path` was asked for, or something in it, or it lies in something that was.
    pub(super) fn wants(&self, path: &str) -> bool {
        let Some(paths) = &self.paths else { return true };
        let inside =
            |folder: &str| path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        // A name below `path` sorts after it and before everything that does not begin with it.
        let below = format!("{path}/");
        let is_above = paths
            .range(below.clone()..)
            .next()
            .is_some_and(|found| found.starts_with(&below));
        is_above || ancestors(path).any(|folder| inside(folder) && paths.contains(folder))
    }
}

/// `a/b/c`, `a/b`, `a`.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above))
}

/// The components of a path without `.`, `..` and empty ones, which cannot leave the folder.
fn clean(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

struct Search<'a> {
    root: &'a Path,
    found: BTreeSet<String>,
    hops: usize,
}

impl Search<'_> {
    /// Adds what `rest` names below `folder`, whose own links are followed already.
    fn find(&mut self, folder: &str, rest: &[String]) -> io::Result<()> {
        let Some((first, rest)) = rest.split_first() else {
            self.found.insert(folder.to_owned());
            return Ok(());
        };
        for name in self.names(folder, first)? {
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            let place = self.root.join(&path);
            match fs::read_link(&place) {
                Ok(target) => {
                    self.found.insert(path);
                    self.hops += 1;
                    if self.hops > MAX_HOPS {
                        return Err(io::Error::other("expected links that end, found a circle"));
                    }
                    let target = target.to_string_lossy().into_owned();
                    // Within the folder, `/` is the folder itself.
                    let start = if target.starts_with('/') { "" } else { folder };
                    let mut onwards = clean(&format!("{start}/{target}"));
                    onwards.extend(rest.iter().cloned());
                    self.find("", &onwards)?;
                }
                Err(_) if place.symlink_metadata().is_ok() => self.find(&path, rest)?,
                // What is not there is missed by the step that needs it.
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// The names in `folder` that match `pattern`; just `pattern` if it is a name.
    fn names(&self, folder: &str, pattern: &str) -> io::Result<Vec<String>> {
        if !pattern.contains(['*', '?', '[', '\\']) {
            return Ok(vec![pattern.to_owned()]);
        }
        let place = self.root.join(folder);
        if !place.is_dir() {
            return Ok(Vec::new());
        }
        let pattern = Pattern::parse(pattern).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let names = fs::read_dir(place)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| pattern.matches(name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::os::unix::fs::symlink;

    fn found(root: &Path, asked: &[&str]) -> Vec<String> {
        let asked: Vec<String> = asked.iter().map(|path| (*path).to_owned()).collect();
        let follow = Follow::new(root, &asked).unwrap();
        follow.paths.unwrap().into_iter().collect()
    }

    #[test]
    fn links_are_followed_and_never_out_of_the_folder() {
        let scratch = Scratch::new();
        scratch.write("real/file", "x");
        scratch.write("etc/passwd", "mine");
        let root = scratch.dir();
        symlink("real", root.join("link")).unwrap();
        symlink("/etc/passwd", root.join("absolute")).unwrap();
        symlink("../../../etc/passwd", root.join("upwards")).unwrap();
        assert_eq!(found(root, &["link/file"]), ["link", "real/file"]);
        assert_eq!(found(root, &["absolute"]), ["absolute", "etc/passwd"]);
        assert_eq!(found(root, &["upwards"]), ["etc/passwd", "upwards"]);
        assert_eq!(found(root, &["../etc/*"]), ["etc/passwd"]);
    }

    #[test]
    fn a_circle_of_links_is_an_error() {
        let scratch = Scratch::new();
        symlink("b", scratch.path("a")).unwrap();
        symlink("a", scratch.path("b")).unwrap();
        assert!(Follow::new(scratch.dir(), &["a".to_owned()]).is_err());
    }

    #[test]
    fn a_path_is_wanted_with_what_is_above_and_below_it() {
        let scratch = Scratch::new();
        scratch.write("a/b/c", "x");
        let follow = Follow::new(scratch.dir(), &["a/b".to_owned()]).unwrap();
        for path in ["a", "a/b", "a/b/c"] {
            assert!(follow.wants(path), "{path}");
        }
        for path in ["a/bc", "a/a", "b", "a.b"] {
            assert!(!follow.wants(path), "{path}");
        }
    }
}
