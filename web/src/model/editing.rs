//! Actions that change the project, and the build of it.

use std::rc::Rc;

use messages::{Ask, Options, Problem};

use super::{
    Build, Engine, Load, MAX_BYTES, MAX_FILES, Model, PathError, Project, Reading, Selection, SourceFile, check_path,
    reading::plain,
};
use crate::words;

impl Model {
    pub(super) fn type_text(&mut self, text: &str) {
        let open = self.open.clone();
        let Some(file) = self.project.files.get(&open) else {
            return;
        };
        let file = SourceFile {
            bytes: text.as_bytes().into(),
            mode: file.mode,
        };
        self.edit(|project| _ = project.files.insert(open, file));
    }

    pub(super) fn open_file(&mut self, path: &str) {
        if let Some((path, _)) = self.project.files.get_key_value(path) {
            self.open = path.clone();
            self.revision += 1;
        }
    }

    pub(super) fn add_file(&mut self, raw: &str) {
        let Some(path) = self.free_path(raw) else { return };
        self.edit(|project| _ = project.files.insert(path.clone(), SourceFile::text("")));
        self.open = path;
        self.revision += 1;
    }

    pub(super) fn rename_file(&mut self, from: &str, raw: &str) {
        let Some(to) = self.free_path(raw) else { return };
        self.edit(|project| {
            if let Some(file) = project.files.remove(from) {
                project.files.insert(to.clone(), file);
            }
            if project.options.dockerfile == from {
                project.options.dockerfile = to.to_string();
            }
        });
        if *self.open == *from {
            self.open = to;
        }
    }

    /// The cleaned path, if a file can be put there; else says why not.
    fn free_path(&mut self, raw: &str) -> Option<Rc<str>> {
        let path = check_path(raw).and_then(|path| {
            if self.project.files.contains_key(path.as_str()) {
                Err(PathError::Taken)
            } else {
                Ok(path)
            }
        });
        match path {
            Ok(path) => Some(path.into()),
            Err(why) => {
                self.trouble = Some(format!("The name “{raw}” cannot be used: {why}.").into());
                None
            }
        }
    }

    pub(super) fn remove_file(&mut self, path: &str) {
        if *path == *self.project.options.dockerfile {
            return;
        }
        let before = self.project.clone();
        self.edit(|project| _ = project.files.remove(path));
        self.before = Some(before);
        self.before_said = format!("{path} was deleted.").into();
        self.status = Rc::default();
        if *self.open == *path {
            self.open = self.project.options.dockerfile.as_str().into();
            self.revision += 1;
        }
    }

    pub(super) fn set_mode(&mut self, path: &str, mode: u32) {
        self.edit(|project| {
            if let Some(file) = project.files.get_mut(path) {
                file.mode = mode;
            }
        });
    }

    pub(super) fn put_files(&mut self, files: Vec<(String, SourceFile)>) {
        let n_files = files.len();
        let mut left_out = 0;
        let mut bytes = self.project.bytes();
        self.edit(|project| {
            for (raw, file) in files {
                let fits = project.files.len() < MAX_FILES && bytes + file.bytes.len() <= MAX_BYTES;
                match check_path(&raw) {
                    Ok(path) if fits => {
                        bytes += file.bytes.len();
                        project.files.insert(path.into(), file);
                    }
                    _ => left_out += 1,
                }
            }
        });
        self.revision += 1;
        self.status = format!("{} added.", words::count(n_files - left_out, "file", "files")).into();
        if left_out > 0 {
            let left_out = words::count(left_out, "file was", "files were");
            let most = words::bytes(MAX_BYTES as u64);
            self.trouble = Some(format!("{left_out} left out: a project holds {MAX_FILES} files and {most}.").into());
        }
    }

    pub(super) fn replace(&mut self, project: Project, said: &str) {
        let text: Rc<str> = project.dockerfile().into();
        self.before = Some(self.project.clone());
        self.open = project.options.dockerfile.as_str().into();
        self.reading = Rc::new(Reading::of(&text));
        self.text = text;
        self.project = Rc::new(project);
        self.revision += 1;
        self.settled = false;
        // Another project: the worker begins anew, so that its lines are not compared with those of this one.
        self.sent.project = None;
        self.tape = Rc::default();
        self.findings = Rc::default();
        self.stages = Rc::default();
        self.context = Rc::default();
        self.summary = Rc::default();
        self.clear_result();
        self.before_said = said.into();
        // The notice with the button says it.
        self.status = Rc::default();
    }

    pub(super) fn undo(&mut self) {
        if let Some(before) = self.before.take() {
            self.replace(Rc::unwrap_or_clone(before), "The project is as it was.");
            self.before = None;
            self.status = "The project is as it was.".into();
        }
    }

    pub(super) fn set_options(&mut self, options: Options) {
        if self.project.files.contains_key(options.dockerfile.as_str()) {
            self.edit(|project| project.options = options);
        }
    }

    pub(super) fn fix(&mut self, problem: &Problem) {
        let Some((title, edits)) = &problem.fix else { return };
        let mut text = self.text.to_string();
        for (start, end, new) in edits.iter().rev() {
            if text.get(*start..*end).is_none() {
                return;
            }
            text.replace_range(*start..*end, new);
        }
        let path: Rc<str> = self.project.options.dockerfile.as_str().into();
        self.edit(|project| {
            if let Some(file) = project.files.get_mut(&path) {
                file.bytes = text.as_bytes().into();
            }
        });
        self.open = path;
        self.revision += 1;
        self.status = format!("Done: {title}.").into();
    }

    /// Changes the project, and moves everything that is known about the old Dockerfile to its place in the new one.
    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Project)) {
        let mut project = (*self.project).clone();
        change(&mut project);
        let text: Rc<str> = project.dockerfile().into();
        self.project = Rc::new(project);
        self.settled = false;
        if text != self.text {
            self.move_to(&text);
            self.reading = Rc::new(Reading::of(&text));
            self.text = text;
        }
    }

    /// Tells the worker what changed, and asks what a build would do now.
    pub(super) fn settle(&mut self) {
        if !self.has_engine() || self.settled {
            return;
        }
        let options = self.project.options.clone();
        let told = self.tell();
        // News of files is answered by a preview with the options that the worker knows.
        let answers = told.filter(|_| self.sent.options.as_ref() == Some(&options));
        self.expect_preview(answers);
    }

    /// Waits for the preview that answers `id`, or for one that is asked for now.
    fn expect_preview(&mut self, id: Option<u32>) {
        let options = self.project.options.clone();
        self.settled = true;
        self.sent.preview_text = self.text.clone();
        self.sent.options = Some(options.clone());
        self.sent.preview = id.unwrap_or_else(|| self.ask(Ask::Preview(options)));
    }

    /// Tells the worker which files changed; returns the number of the last request, if there was need for any.
    fn tell(&mut self) -> Option<u32> {
        let told = self.sent.project.replace(self.project.clone());
        let Some(told) = told else {
            return Some(self.ask(Ask::Open {
                files: self.project.inputs(),
            }));
        };
        let (files, paths) = self.project.since(&told);
        let removed = (!paths.is_empty()).then(|| self.ask(Ask::Remove { paths }));
        let put = (!files.is_empty()).then(|| self.ask(Ask::Put { files }));
        put.or(removed)
    }

    pub(super) fn start_build(&mut self) {
        if !self.has_engine() || self.is_building() {
            return;
        }
        self.tell();
        self.settled = true;
        // The build's own cells take the place of a preview's that is on its way.
        self.sent.answered = self.sent.preview;
        self.sent.build_text = self.text.clone();
        self.sent.built = Some(self.project.clone());
        self.sent.options = Some(self.project.options.clone());
        self.sent.build = self.ask(Ask::Build(self.project.options.clone()));
        self.build = Build::Running {
            steps: (0, 0),
            doing: "reading the Dockerfile".into(),
            stopping: false,
        };
        self.log = Rc::default();
        self.show_lower(super::Lower::Log);
        // Who builds a project keeps it.
        self.before = None;
        self.status = "The build has begun.".into();
    }

    pub(super) fn cancel(&mut self) {
        if let Build::Running { stopping, .. } = &mut self.build {
            *stopping = true;
            self.ask(Ask::Cancel);
        }
    }

    pub(super) fn forget_cache(&mut self) {
        if self.has_engine() {
            self.tell();
            let forgotten = self.ask(Ask::ForgetCache);
            let knows = self.sent.options.as_ref() == Some(&self.project.options);
            self.expect_preview(knows.then_some(forgotten));
            self.status = "The build cache is empty.".into();
        }
    }

    pub(super) fn lose_engine(&mut self, why: &str) {
        self.engine = Engine::Failed(why.into());
        self.lose_machines();
        self.sent.project = None;
        self.settled = false;
        if self.is_building() {
            let message = format!("the engine stopped: {why}");
            self.build = Build::Failed(Rc::new(Problem {
                severity: "error".to_owned(),
                message,
                ..Problem::default()
            }));
        }
    }

    /// Forgets the image and all that is shown of it.
    pub(super) fn clear_result(&mut self) {
        self.built = None;
        self.image = None;
        self.subject = messages::Subject::Built;
        self.layer_lines = Rc::default();
        self.selection = Selection::default();
        self.files = Load::Nothing;
        self.matrix = Rc::default();
        self.content = Load::Nothing;
        if !self.is_building() {
            self.build = Build::Idle;
            self.log = Rc::default();
        }
    }

    /// What the editor shows of the open file.
    pub(crate) fn open_reading(&self) -> Rc<Reading> {
        match self.open_text() {
            Some(_) if self.shows_dockerfile() => self.reading.clone(),
            Some(text) => plain(text),
            None => Rc::default(),
        }
    }
}
