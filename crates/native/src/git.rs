//! Repositories for ADD: fetched by `git`, which is let do nothing but that.

use crate::disk::Lender;
use crate::files::read_folder;
use crate::ingest::Ingest;
use crate::known_files::KnownFiles;
use builder::Ignore;
use engine::WorldError;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use store::{Node, Tree, TreePath};

/// Fetches repositories. What it fetched lies in a folder that goes away with it.
#[derive(Debug)]
pub struct Git {
    work: Ingest,
    count: usize,
    protocols: &'static str,
    lender: Lender,
}

/// What a repository may be fetched over: nothing that runs a program that it names, or reads the machine's own files.
const PROTOCOLS: &str = "http:https:git:ssh";

/// A repository as ADD names it.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    url: &'a str,
    /// A branch, a tag or a commit; the default branch if empty.
    reference: &'a str,
    /// A folder of it; all if empty.
    folder: &'a str,
}

impl Git {
    /// Fetches into folders below `parent`, and lends the files from there.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub fn new(parent: &Path, lender: Lender) -> std::io::Result<Git> {
        Ok(Git {
            work: Ingest::open(parent)?,
            count: 0,
            protocols: PROTOCOLS,
            lender,
        })
    }

    /// The files of the repository `name`, `URL#REFERENCE:FOLDER`, and the commit they are of.
    ///
    /// Only the newest commit is fetched. No hook, filter or configuration of anybody is used, nor one of the repository's own.
    ///
    /// # Errors
    ///
    /// [`WorldError`] with what `git` said.
    ///
    /// Source: BuildKit, `source/git/source.go`.
    pub fn fetch(&mut self, name: &str) -> Result<(Tree, String), WorldError> {
        let wanted = parse(name)?;
        self.count += 1;
        let folder = self.work.path(&self.count.to_string());
        fs::create_dir(&folder).map_err(|error| failed(name, error))?;
        let git = |words: &[&str]| self.run(&folder, name, words);
        git(&["init", "-q", "."])?;
        let reference = if wanted.reference.is_empty() {
            "HEAD"
        } else {
            wanted.reference
        };
        let one = git(&["fetch", "-q", "--depth", "1", "--no-tags", "--", wanted.url, reference]);
        let target = match one {
            Ok(_) => "FETCH_HEAD",
            // Not every server gives a commit by its number alone.
            Err(_) if is_commit(reference) => {
                git(&["fetch", "-q", "--", wanted.url, "+refs/heads/*:refs/remotes/origin/*"])?;
                reference
            }
            Err(error) => return Err(error),
        };
        git(&["checkout", "-q", "--detach", target])?;
        if folder.join(".gitmodules").exists() {
            git(&["submodule", "-q", "update", "--init", "--recursive", "--depth", "1"])?;
        }
        let commit = git(&["rev-parse", "HEAD"])?.trim().to_owned();
        let read = read_folder(&folder, &Ignore::default(), &self.lender, &KnownFiles::default());
        let tree = without_git(&read.map_err(|error| failed(name, error))?).map_err(|error| failed(name, error))?;
        Ok((
            subfolder(&tree, wanted.folder).map_err(|error| failed(name, error))?,
            commit,
        ))
    }

    /// Runs `git` in `folder` and returns what it printed.
    fn run(&self, folder: &Path, name: &str, words: &[&str]) -> Result<String, WorldError> {
        let mut command = Command::new("git");
        command.current_dir(folder).env_clear();
        for variable in [
            "PATH",
            "SSH_AUTH_SOCK",
            "http_proxy",
            "https_proxy",
            "no_proxy",
            "HTTPS_PROXY",
            "NO_PROXY",
        ] {
            command.envs(std::env::var_os(variable).map(|value| (variable, value)));
        }
        let settings = [
            ("GIT_ALLOW_PROTOCOL", OsStr::new(self.protocols)),
            ("GIT_CONFIG_NOSYSTEM", OsStr::new("1")),
            ("GIT_CONFIG_GLOBAL", OsStr::new("/dev/null")),
            ("GIT_TERMINAL_PROMPT", OsStr::new("0")),
            ("GIT_SSH_COMMAND", OsStr::new("ssh -o BatchMode=yes")),
            ("HOME", self.work.path("").as_os_str()),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        command.envs(settings);
        command.args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.symlinks=true",
        ]);
        let output = command.args(words).output();
        let Output { status, stdout, stderr } = output.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => WorldError {
                message: format!("failed to fetch {name}: expected the program git, found none"),
                hints: vec!["install git".to_owned()],
            },
            _ => failed(name, error),
        })?;
        if !status.success() {
            let said = String::from_utf8_lossy(&stderr);
            return Err(failed(name, said.lines().last().unwrap_or("git failed").trim()));
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }
}

fn parse(name: &str) -> Result<Wanted<'_>, WorldError> {
    let (url, fragment) = name.split_once('#').unwrap_or((name, ""));
    let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
    // A name that begins so would be an option.
    if url.starts_with('-') || reference.starts_with('-') {
        return Err(failed(name, "expected URL#REFERENCE:FOLDER"));
    }
    Ok(Wanted { url, reference, folder })
}

fn is_commit(reference: &str) -> bool {
    matches!(reference.len(), 40 | 64) && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The tree without what `git` keeps for itself.
fn without_git(tree: &Tree) -> Result<Tree, store::TreeError> {
    let mut kept = tree.clone();
    let is_own = |path: &TreePath| path.name() == Some(".git");
    let own: Vec<TreePath> = tree.walk().map(|(path, _)| path).filter(is_own).collect();
    for path in own {
        if kept.get(&path).is_some() {
            kept.remove(&path)?;
        }
    }
    Ok(kept)
}

/// A folder of the repository. No link is followed on the way: it could lead to any other (CVE-2026-33748).
fn subfolder(tree: &Tree, folder: &str) -> Result<Tree, String> {
    let error = || format!("expected a folder in the repository, found {folder:?}");
    let path = TreePath::parse(folder.trim_matches('/')).map_err(|_| error())?;
    if path.is_root() {
        return Ok(tree.clone());
    }
    match tree.get(&path) {
        Some(Node::Dir(dir)) => Tree::from_dir(dir.clone()).map_err(|error| error.to_string()),
        _ => Err(error()),
    }
}

fn failed(name: &str, why: impl std::fmt::Display) -> WorldError {
    WorldError {
        message: format!("failed to fetch {}: {why}", without_password(name)),
        hints: Vec::new(),
    }
}

/// What stands before `@` in a URL's host may be a token.
fn without_password(name: &str) -> String {
    let Some((scheme, rest)) = name.split_once("://") else {
        return name.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://xxxxx{}", &rest[at..]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::DiskBlobs;
    use crate::testing::Scratch;

    struct Bench {
        scratch: Scratch,
        git: Git,
    }

    impl Bench {
        /// With a repository of two commits; `None` where there is no `git`.
        fn new() -> Option<Bench> {
            if Command::new("git").arg("--version").output().is_err() {
                crate::testing::skip("there is no git");
                return None;
            }
            let scratch = Scratch::new();
            let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
            let mut git = Git::new(&scratch.path("work"), blobs.lender()).unwrap();
            git.protocols = "file";
            let bench = Bench { scratch, git };
            bench.scratch.write("repo/docs/a", "old");
            bench.make(&["init", "-q", "-b", "main", "."]);
            bench.commit();
            bench.scratch.write("repo/docs/a", "new");
            std::os::unix::fs::symlink("/etc", bench.scratch.path("repo/out")).unwrap();
            bench.commit();
            Some(bench)
        }

        fn make(&self, words: &[&str]) -> String {
            let output = Command::new("git")
                .args(["-c", "user.name=a", "-c", "user.email=a@b"])
                .args(words)
                .current_dir(self.scratch.path("repo"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }

        fn commit(&self) {
            self.make(&["add", "-A"]);
            self.make(&["commit", "-q", "-m", "x"]);
        }

        fn fetch(&mut self, fragment: &str) -> Result<(Tree, String), String> {
            let name = format!("file://{}{fragment}", self.scratch.path("repo").display());
            self.git.fetch(&name).map_err(|error| error.message)
        }
    }

    fn names(tree: &Tree) -> Vec<String> {
        tree.walk().map(|(path, _)| path.as_str().to_owned()).collect()
    }

    #[test]
    fn a_branch_a_commit_and_a_folder_can_be_asked_for() {
        let Some(mut bench) = Bench::new() else { return };
        let newest = bench.make(&["rev-parse", "HEAD"]);
        let (tree, commit) = bench.fetch("").unwrap();
        assert_eq!(
            (names(&tree), &commit),
            (vec!["docs".into(), "docs/a".into(), "out".into()], &newest)
        );
        assert_eq!(bench.fetch("#main").unwrap().1, newest);
        let older = bench.make(&["rev-parse", "HEAD~1"]);
        let (tree, commit) = bench.fetch(&format!("#{older}:docs")).unwrap();
        assert_eq!((names(&tree), commit), (vec!["a".to_owned()], older));
    }

    #[test]
    fn cve_2026_33748_a_folder_is_never_reached_over_a_link_or_outside() {
        let Some(mut bench) = Bench::new() else { return };
        for folder in [
            "#main:out",
            "#main:out/ssl",
            "#main:../repo",
            "#main:docs/../../x",
            "#main:none",
        ] {
            assert!(bench.fetch(folder).is_err(), "{folder}");
        }
    }

    #[test]
    fn a_protocol_that_reads_the_machine_or_runs_a_program_is_refused() {
        let Some(mut bench) = Bench::new() else { return };
        bench.git.protocols = PROTOCOLS;
        assert!(bench.fetch("").unwrap_err().contains("not allowed"));
        let mark = bench.scratch.path("ran");
        let error = bench.git.fetch(&format!("ext::touch {}", mark.display())).unwrap_err();
        assert!(error.message.contains("not allowed"), "{error}");
        assert!(!mark.exists());
        assert!(bench.git.fetch("--upload-pack=x").is_err());
        assert!(bench.git.fetch("https://h/r#--output=x").is_err());
    }

    #[test]
    fn a_token_in_a_name_is_not_shown() {
        assert_eq!(
            without_password("https://me:token@host/r.git"),
            "https://xxxxx@host/r.git"
        );
        assert_eq!(without_password("https://host/r@1.git"), "https://host/r@1.git");
    }
}
