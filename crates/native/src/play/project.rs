//! A project that the page posted: checked, and written into a private folder.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messages::{Options, Project};
use oci::{Digest, Reference};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use store::TreePath;

/// The most files of a project, as in the page.
pub(super) const MAX_FILES: usize = 5_000;
/// The most bytes of all files together, as in the page.
pub(super) const MAX_BYTES: usize = 64 << 20;
/// The most characters of a name, an argument's value, or a target.
const MAX_WORD: usize = 4 << 10;
/// The most build arguments.
const MAX_ARGS: usize = 200;

/// A project whose paths stay inside of it and whose options are no flags.
#[derive(Debug)]
pub(super) struct Checked {
    /// How to build.
    pub(super) options: Options,
    files: BTreeMap<TreePath, (u32, Vec<u8>)>,
}

/// What is wrong with a project: always `expected X, found Y`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProjectError {
    /// More than a project may have.
    #[error("expected at most {most} {what}, found {found}")]
    Many {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
        /// How many there are.
        found: usize,
    },
    /// A path that is absolute, climbs, or is none.
    #[error("expected a path inside the project, found {path:?}")]
    Path {
        /// The path.
        path: String,
    },
    /// Two files that cannot both be there.
    #[error("expected each path once, found {path:?} twice, or below a file")]
    Twice {
        /// The path.
        path: String,
    },
    /// Content that is not base64.
    #[error("expected base64 as the content of {path:?}, found other text")]
    Base64 {
        /// The file.
        path: String,
    },
    /// An option that is not what it should be.
    #[error("expected {what}, found {found:?}")]
    Option {
        /// What would have been right.
        what: &'static str,
        /// What was given.
        found: String,
    },
}

/// A file as a plan's hash counts it.
#[derive(Serialize)]
pub(super) struct Entry<'a>(&'a str, u32, Digest);

impl Checked {
    /// Checks what the page posted.
    ///
    /// # Errors
    ///
    /// [`ProjectError`].
    pub(super) fn new(project: Project) -> Result<Checked, ProjectError> {
        limit("files", MAX_FILES, project.files.len())?;
        let mut files = BTreeMap::new();
        let mut n_bytes = 0;
        for file in project.files {
            let path = inside(&file.path)?;
            let bytes = STANDARD.decode(&file.base64).map_err(|_| ProjectError::Base64 {
                path: file.path.clone(),
            })?;
            n_bytes += bytes.len();
            limit("bytes", MAX_BYTES, n_bytes)?;
            if files.insert(path, (file.mode & 0o777, bytes)).is_some() {
                return Err(ProjectError::Twice { path: file.path });
            }
        }
        for path in files.keys() {
            let mut above = path.parent();
            while let Some(folder) = above.filter(|folder| !folder.is_root()) {
                if files.contains_key(&folder) {
                    return Err(ProjectError::Twice { path: path.to_string() });
                }
                above = folder.parent();
            }
        }
        let checked = Checked {
            options: project.options,
            files,
        };
        checked.check_options()?;
        Ok(checked)
    }

    fn check_options(&self) -> Result<(), ProjectError> {
        let Options {
            dockerfile,
            target,
            build_args,
            tag,
            ..
        } = &self.options;
        let wrong = |what, found: &str| {
            Err(ProjectError::Option {
                what,
                found: found.to_owned(),
            })
        };
        if !self.files.contains_key(&inside(dockerfile)?) {
            return wrong("a Dockerfile that is a file of the project", dockerfile);
        }
        if !tag.is_empty() && Reference::parse(tag).is_err() {
            return wrong("a name with a tag", tag);
        }
        if !is_word(target) {
            return wrong("the name of a stage", target);
        }
        limit("build arguments", MAX_ARGS, build_args.len())?;
        for (name, value) in build_args {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_name) || name.len() > MAX_WORD {
                return wrong("the name of a build argument", name);
            }
            if value.contains('\0') || value.len() > MAX_WORD {
                return wrong("the value of a build argument", value);
            }
        }
        Ok(())
    }

    /// Text of the Dockerfile.
    pub(super) fn dockerfile(&self) -> String {
        let path = inside(&self.options.dockerfile).expect("it was checked");
        let (_, bytes) = &self.files[&path];
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The files as a hash counts them, in order of path.
    pub(super) fn entries(&self) -> Vec<Entry<'_>> {
        self.files
            .iter()
            .map(|(path, (mode, bytes))| Entry(path.as_str(), *mode, Digest::of(bytes)))
            .collect()
    }

    /// Writes the files below `folder`, which must be empty and nobody else's: then no link can lead out of it.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        for (path, (mode, bytes)) in &self.files {
            let place = folder.join(path.as_str());
            if let Some(above) = place.parent() {
                fs::create_dir_all(above)?;
            }
            let mut file = File::create_new(&place)?;
            file.write_all(bytes)?;
            file.set_permissions(Permissions::from_mode(*mode))?;
        }
        Ok(())
    }
}

/// A path of the project; never its root.
fn inside(path: &str) -> Result<TreePath, ProjectError> {
    let wrong = || ProjectError::Path { path: path.to_owned() };
    let parsed = TreePath::parse(path).map_err(|_| wrong())?;
    if parsed.is_root() || parsed.as_str() != path || path.contains('\0') || path.len() > MAX_WORD {
        return Err(wrong());
    }
    Ok(parsed)
}

fn is_word(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.len() <= 255 && text.chars().all(is_part)
}

fn limit(what: &'static str, most: usize, found: usize) -> Result<(), ProjectError> {
    if found > most {
        Err(ProjectError::Many { what, most, found })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use messages::ProjectFile;

    fn project(files: &[(&str, &str)]) -> Project {
        let file = |(path, text): &(&str, &str)| ProjectFile {
            path: (*path).to_owned(),
            mode: 0o100_644,
            base64: STANDARD.encode(text),
        };
        let options = Options {
            dockerfile: "Dockerfile".to_owned(),
            ..Options::default()
        };
        Project {
            files: files.iter().map(file).collect(),
            options,
        }
    }

    #[track_caller]
    fn refuse(path: &str) {
        let found = Checked::new(project(&[("Dockerfile", ""), (path, "x")]));
        assert!(matches!(found, Err(ProjectError::Path { .. })), "{path:?}: {found:?}");
    }

    #[test]
    fn no_path_leads_out_of_the_project() {
        for path in [
            "../x",
            "/etc/passwd",
            "a/../../x",
            "a/./b",
            "a//b",
            "",
            ".",
            "..",
            "/",
            "a\0b",
            "a/",
        ] {
            refuse(path);
        }
        refuse(&"a/".repeat(MAX_WORD));
    }

    #[test]
    fn a_file_is_no_folder_and_stands_there_once() {
        for paths in [["a", "a"], ["a", "a/b"], ["a/b/c", "a"]] {
            let files: Vec<_> = [("Dockerfile", "")]
                .into_iter()
                .chain(paths.map(|path| (path, "x")))
                .collect();
            assert!(
                matches!(Checked::new(project(&files)), Err(ProjectError::Twice { .. })),
                "{paths:?}"
            );
        }
    }

    #[test]
    fn options_cannot_be_flags_or_files_of_the_host() {
        type Change = fn(&mut Options);
        let changes: [Change; 8] = [
            |options| options.dockerfile = "/etc/passwd".to_owned(),
            |options| options.dockerfile = "other".to_owned(),
            |options| options.tag = "--output=type=local,dest=/".to_owned(),
            |options| options.tag = "A B".to_owned(),
            |options| options.target = "a b".to_owned(),
            |options| options.target = "a=/etc".to_owned(),
            |options| options.build_args = vec![(String::new(), String::new())],
            |options| options.build_args = vec![("A=B".to_owned(), "x".to_owned())],
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut asked = project(&[("Dockerfile", "FROM scratch")]);
            change(&mut asked.options);
            let found = Checked::new(asked);
            assert!(found.is_err(), "change {index}");
            assert!(found.unwrap_err().to_string().starts_with("expected "));
        }
    }

    #[test]
    fn too_much_is_refused_before_it_is_written() {
        let many: Vec<(String, &str)> = (0..=MAX_FILES).map(|n| (format!("f{n}"), "")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert!(matches!(
            Checked::new(project(&many)),
            Err(ProjectError::Many { what: "files", .. })
        ));
        let large = "x".repeat(MAX_BYTES / 2 + 1);
        let found = Checked::new(project(&[("a", &large), ("b", &large)]));
        assert!(matches!(found, Err(ProjectError::Many { what: "bytes", .. })));
        let mut odd = project(&[("Dockerfile", "")]);
        odd.files[0].base64 = "%%%".to_owned();
        assert!(matches!(Checked::new(odd), Err(ProjectError::Base64 { .. })));
    }

    #[test]
    fn files_are_written_with_their_modes_and_no_more() {
        let scratch = Scratch::new();
        let mut asked = project(&[("Dockerfile", "FROM scratch"), ("src/run.sh", "#!/bin/sh")]);
        asked.files[1].mode = 0o106_755;
        let checked = Checked::new(asked).unwrap();
        checked.write(scratch.dir()).unwrap();
        assert_eq!(fs::read(scratch.path("src/run.sh")).unwrap(), b"#!/bin/sh");
        let mode = fs::metadata(scratch.path("src/run.sh")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
        assert_eq!(checked.dockerfile(), "FROM scratch");
    }
}
