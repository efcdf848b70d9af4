//! Recipes as text: packages, versions, sizes, what they need, and their files.

use std::collections::{BTreeMap, BTreeSet};

/// A package as its recipe has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// Versions by suite, `*` for all others; the first is installed.
    versions: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) download: u64,
    pub(crate) installed: u64,
    pub(crate) needs: Vec<&'static str>,
    pub(crate) recommends: Vec<&'static str>,
    pub(crate) files: Vec<FileRecipe>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileRecipe {
    /// A program; it gets a share of the package's bytes.
    Program(&'static str),
    Sized(u32, u64, &'static str),
    Link(&'static str, &'static str),
    Dir(&'static str),
    Text(&'static str, String),
}

/// A distribution's release: mirror, bytes fetched by an update, bytes it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) mirror: &'static str,
    pub(crate) fetched: u64,
    pub(crate) kept: u64,
}

/// All recipes of one package manager.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recipes {
    pub(crate) suites: Vec<Suite>,
    pub(crate) packages: BTreeMap<&'static str, Package>,
}

/// Decimal bytes: `159kB`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "B" | "" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some((digits.parse::<f64>().ok()? * unit).round() as u64)
}

/// Reads recipes.
///
/// # Errors
///
/// The number of the line that is wrong, with what it says.
pub(crate) fn parse(text: &'static str) -> Result<Recipes, String> {
    let mut recipes = Recipes::default();
    let mut package: Option<Package> = None;
    for (at, line) in text.lines().enumerate() {
        let wrong = || format!("line {}: {line}", at + 1);
        if let Some(content) = line.strip_prefix('|') {
            let last = package.as_mut().and_then(|package| package.files.last_mut());
            let Some(FileRecipe::Text(_, text)) = last else {
                return Err(wrong());
            };
            text.push_str(content);
            text.push('\n');
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&'static str> = line.split(' ').collect();
        match (words.as_slice(), &mut package) {
            (["suite", name, mirror, fetched, kept], None) => recipes.suites.push(Suite {
                name,
                mirror,
                fetched: bytes(fetched).ok_or_else(wrong)?,
                kept: bytes(kept).ok_or_else(wrong)?,
            }),
            (["package", name], open) => {
                let next = Package {
                    name,
                    ..Package::default()
                };
                if let Some(done) = open.replace(next) {
                    recipes.packages.insert(done.name, done);
                }
            }
            ([word, rest @ ..], Some(package)) => statement(package, word, rest).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        }
    }
    if let Some(done) = package {
        recipes.packages.insert(done.name, done);
    }
    Ok(recipes)
}

fn statement(package: &mut Package, word: &str, rest: &[&'static str]) -> Option<()> {
    match (word, rest) {
        ("version", versions) => {
            for version in versions {
                let (suite, versions) = version.split_once('=')?;
                package.versions.push((suite, versions.split('|').collect()));
            }
        }
        ("size", [download, installed]) => {
            package.download = bytes(download)?;
            package.installed = bytes(installed)?;
        }
        ("needs", names) => package.needs.extend(names),
        ("recommends", names) => package.recommends.extend(names),
        ("bin", paths) => package.files.extend(paths.iter().map(|path| FileRecipe::Program(path))),
        ("dir", paths) => package.files.extend(paths.iter().map(|path| FileRecipe::Dir(path))),
        ("file", [mode, size, path]) => {
            let mode = u32::from_str_radix(mode, 8).ok()?;
            package.files.push(FileRecipe::Sized(mode, bytes(size)?, path));
        }
        ("link", [path, target]) => package.files.push(FileRecipe::Link(path, target)),
        ("text", [path]) => package.files.push(FileRecipe::Text(path, String::new())),
        _ => return None,
    }
    Some(())
}

impl Package {
    /// The versions that `suite` has, the one to install first.
    pub(crate) fn versions(&self, suite: &str) -> &[&'static str] {
        self.versions
            .iter()
            .find(|(name, _)| *name == suite)
            .or_else(|| self.versions.iter().find(|(name, _)| *name == "*"))
            .map_or(&[], |(_, versions)| versions)
    }
}

/// Whether optional packages come along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recommends {
    Install,
    Leave,
}

impl Recipes {
    /// Everything that `names` need and `installed` does not hold, needs first, each once.
    pub(crate) fn closure(
        &self,
        names: &[&str],
        installed: &BTreeSet<String>,
        recommends: Recommends,
    ) -> Vec<&Package> {
        let mut order = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for name in names {
            self.visit(name, installed, recommends, &mut seen, &mut order);
        }
        order
    }

    fn visit<'a>(
        &'a self,
        name: &str,
        installed: &BTreeSet<String>,
        recommends: Recommends,
        seen: &mut BTreeSet<&'a str>,
        order: &mut Vec<&'a Package>,
    ) {
        let Some(package) = self.packages.get(name) else { return };
        if installed.contains(name) || !seen.insert(package.name) {
            return;
        }
        for need in &package.needs {
            self.visit(need, installed, recommends, seen, order);
        }
        if recommends == Recommends::Install {
            for name in &package.recommends {
                self.visit(name, installed, recommends, seen, order);
            }
        }
        order.push(package);
    }
}

use crate::command::Call;
use store::{Content, Node};

/// Puts the files of a package there; returns their paths. The bytes that no file takes go into one of the package's own.
pub(crate) fn unpack(call: &mut Call<'_>, package: &Package) -> crate::world::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut left = package.installed;
    let n_programs = package
        .files
        .iter()
        .filter(|file| matches!(file, FileRecipe::Program(_)))
        .count() as u64;
    // Programs share six tenths of a package's bytes.
    let share = (package.installed * 6 / 10).checked_div(n_programs).unwrap_or_default();
    for file in &package.files {
        let path = match file {
            FileRecipe::Program(path) => {
                call.place(&format!("/{path}"), 0o755, Content::Absent { size: share })?;
                left = left.saturating_sub(share);
                path
            }
            FileRecipe::Sized(mode, size, path) => {
                call.place(&format!("/{path}"), *mode, Content::Absent { size: *size })?;
                left = left.saturating_sub(*size);
                path
            }
            FileRecipe::Text(path, text) => {
                call.place_text(&format!("/{path}"), text)?;
                left = left.saturating_sub(text.len() as u64);
                path
            }
            FileRecipe::Dir(path) => {
                call.world.mkdir_all(&format!("/{path}"))?;
                continue;
            }
            FileRecipe::Link(path, target) => {
                let absolute = format!("/{path}");
                if let Some((dir, _)) = absolute.rsplit_once('/') {
                    call.world.mkdir_all(dir)?;
                }
                let target_path = call.world.resolve_new(&absolute, store::Follow::AllButLast)?;
                let meta = call.world.meta_for(&target_path, 0o777);
                call.world.put(&target_path, Node::symlink(meta, *target))?;
                path
            }
        };
        paths.push(format!("/{path}"));
    }
    if left > 0 {
        let path = format!("/usr/share/{}/{}.files", package.name, package.name);
        call.place(&path, 0o644, Content::Absent { size: left })?;
        paths.push(path);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::{Recommends, parse};
    use std::collections::BTreeSet;

    #[test]
    fn the_recipes_that_are_built_in_can_be_read_and_need_only_each_other() {
        for text in [
            include_str!("../../recipes/apt.txt"),
            include_str!("../../recipes/apk.txt"),
        ] {
            let recipes = parse(text).unwrap();
            for package in recipes.packages.values() {
                assert!(!package.versions("any").is_empty(), "{}", package.name);
                assert!(package.installed > 0, "{}", package.name);
                for name in package.needs.iter().chain(&package.recommends) {
                    assert!(recipes.packages.contains_key(name), "{} needs {name}", package.name);
                }
            }
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        assert_eq!(parse("package a\nfrog 1\n").unwrap_err(), "line 2: frog 1");
        assert_eq!(parse("version *=1\n").unwrap_err(), "line 1: version *=1");
    }

    #[test]
    fn needs_come_first_and_once() {
        let recipes =
            parse("package a\nneeds b c\npackage b\nneeds c\npackage c\nneeds a\npackage d\nrecommends c\n").unwrap();
        let names = |of: &[&str], recommends| -> Vec<&str> {
            let closure = recipes.closure(of, &BTreeSet::new(), recommends);
            closure.iter().map(|package| package.name).collect()
        };
        assert_eq!(names(&["a"], Recommends::Leave), ["c", "b", "a"]);
        assert_eq!(names(&["d"], Recommends::Leave), ["d"]);
        assert_eq!(names(&["d"], Recommends::Install), ["b", "a", "c", "d"]);
    }
}
