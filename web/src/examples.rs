//! Projects to begin with, each about one thing.

use crate::model::{Project, SourceFile};

/// A project that comes with the page.
#[derive(Debug)]
pub(crate) struct Example {
    /// Its folder in `web/examples`.
    pub(crate) id: &'static str,
    /// Its name in the list.
    pub(crate) title: &'static str,
    /// What it shows, one sentence.
    pub(crate) about: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// The files of one folder of `web/examples`.
macro_rules! example {
    ($id:literal, $title:literal, $about:literal, [$($path:literal),+ $(,)?]) => {
        Example {
            id: $id,
            title: $title,
            about: $about,
            files: &[$(($path, include_str!(concat!("../examples/", $id, "/", $path)))),+],
        }
    };
}

/// All of them, in the order of the list; the first is opened when nothing else is.
pub(crate) const EXAMPLES: [Example; 10] = [
    example!(
        "course-nginx",
        "nginx on Ubuntu",
        "The course's first Dockerfile: every instruction once, and package lists fetched twice.",
        ["Dockerfile", "index.html", "style.css"]
    ),
    example!(
        "course-go",
        "Go, one stage",
        "The compiler stays in the image.",
        ["Dockerfile", "helloworld.go"]
    ),
    example!(
        "course-go-stages",
        "Go, two stages",
        "The same program in an image a hundred times smaller.",
        ["Dockerfile", "helloworld.go"]
    ),
    example!(
        "node-ignore",
        "Node with .dockerignore",
        "What an ignore file keeps out of the context.",
        [
            "Dockerfile",
            ".dockerignore",
            ".env",
            "README.md",
            "notes.md",
            "package-lock.json",
            "package.json",
            "src/server.js",
        ]
    ),
    example!(
        "python",
        "Python with pip",
        "Requirements first, the program last.",
        ["Dockerfile", "app.py", "requirements.txt"]
    ),
    example!(
        "cache-bad",
        "Cache: an order that wastes it",
        "Every edit installs all packages again.",
        ["Dockerfile", "package-lock.json", "package.json", "src/server.js"]
    ),
    example!(
        "cache-good",
        "Cache: an order that keeps it",
        "The same image; an edit copies one file.",
        ["Dockerfile", "package-lock.json", "package.json", "src/server.js"]
    ),
    example!(
        "secret",
        "A secret left in a layer",
        "Deleted in the end, and still there for anyone who has the image.",
        ["Dockerfile", ".env", "fetch.sh"]
    ),
    example!(
        "unused-stage",
        "Stages that are not needed",
        "What a target does not reach is never built.",
        ["Dockerfile", "app.sh", "test.sh"]
    ),
    example!(
        "heredoc",
        "Heredocs",
        "Scripts and small files within the Dockerfile.",
        ["Dockerfile"]
    ),
];

impl Example {
    /// Its project; scripts are executable, and the tag is its name.
    pub(crate) fn project(&self) -> Project {
        let files = self.files.iter().map(|(path, text)| {
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            (
                (*path).to_owned(),
                SourceFile {
                    mode,
                    ..SourceFile::text(text)
                },
            )
        });
        let mut project = Project::of(files);
        self.id.clone_into(&mut project.options.tag);
        project
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reading;

    #[test]
    fn every_example_can_be_read() {
        for example in &EXAMPLES {
            let reading = Reading::of(example.project().dockerfile());
            let errors: Vec<_> = reading
                .problems
                .iter()
                .filter(|problem| problem.severity == "error")
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", example.id);
            assert!(!reading.stages.is_empty(), "{} has no stage", example.id);
        }
    }

    #[test]
    fn names_of_examples_differ() {
        let mut ids: Vec<&str> = EXAMPLES.iter().map(|example| example.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), EXAMPLES.len());
    }
}
