//! What the worker's answers change.

use std::rc::Rc;

use messages::{Answer, FileInput, FileRow, ImageView, LineView, PreviewView, Problem, Reply};

use super::{
    Build, Engine, Load, MAX_LOG, Model, Project, SourceFile,
    moving::{self, put_cell},
    tree,
};
use crate::words;

impl Model {
    pub(super) fn take(&mut self, Reply { id, answer }: Reply) {
        match answer {
            Answer::Ready { version, images } => {
                self.engine = Engine::Ready {
                    version: version.into(),
                    images: images.into(),
                };
                (self.sent.project, self.sent.options) = (None, None);
                self.settled = false;
                self.meet_machines();
                self.settle();
            }
            Answer::Project(project) => self.context = Rc::new(project),
            // Only the newest question counts: the others are about a text that is gone.
            Answer::Preview(preview) if id == self.sent.preview => {
                self.sent.answered = id;
                self.take_preview(preview);
            }
            // What the image tells of the text; a text that was edited since has newer findings.
            Answer::Preview(preview) if id == self.sent.build => {
                if self.since_text(&self.sent.build_text.clone()).is_none() {
                    self.findings = preview.problems.into();
                }
            }
            Answer::Line(cell) if id == self.sent.build => self.take_line(cell),
            Answer::Log(text) if id == self.sent.build => self.take_log(&text),
            Answer::Progress { done, total, doing } if id == self.sent.build => {
                if let Build::Running { stopping, .. } = self.build {
                    self.build = Build::Running {
                        steps: (done, total),
                        doing: doing.into(),
                        stopping,
                    };
                }
            }
            Answer::Edited { files, removed } => self.take_edits(id, files, &removed),
            Answer::Built(image) if id == self.sent.build => self.take_image(*image),
            Answer::Files(rows) => self.take_files(id, rows),
            Answer::Content(content) if id == self.sent.content => self.content = Load::Here(Rc::new(content)),
            // Said by the worker of itself, not of a request.
            Answer::Failed(problem) if id == 0 => self.lose_engine(&problem.message),
            Answer::Failed(problem) => self.take_failure(id, problem),
            // Late answers, and the archive, which the host saves.
            Answer::Preview(_)
            | Answer::Line(_)
            | Answer::Log(_)
            | Answer::Built(_)
            | Answer::Content(_)
            | Answer::Archive { .. } => {}
            of_machines => self.hear_machines(id, of_machines),
        }
    }

    /// Takes what a command has done to the project's files. The worker knows it already, and tells with the same number what a build would
    /// do now.
    fn take_edits(&mut self, id: u32, files: Vec<FileInput>, removed: &[String]) {
        let was_settled = self.settled;
        let change = |project: &mut Project| {
            for path in removed {
                project.files.remove(path.as_str());
            }
            for FileInput { path, mode, bytes } in &files {
                let file = SourceFile {
                    bytes: bytes.as_slice().into(),
                    mode: *mode,
                };
                project.files.insert(path.as_str().into(), file);
            }
        };
        self.edit(change);
        if let Some(told) = &mut self.sent.project {
            change(Rc::make_mut(told));
        }
        // What was typed meanwhile and not told yet is told as ever, and asks for a preview of its own.
        self.settled = was_settled;
        self.sent.preview = id;
        self.sent.preview_text = self.text.clone();
        if !self.project.files.contains_key(&self.open) {
            self.open = self.project.options.dockerfile.as_str().into();
        }
        self.revision += 1;
    }

    fn take_preview(&mut self, preview: PreviewView) {
        let PreviewView {
            project,
            mut lines,
            mut problems,
            stages,
            summary,
        } = preview;
        if let Some(shift) = self.since_text(&self.sent.preview_text.clone()) {
            lines = moving::cells(&lines, shift);
            problems = moving::findings(&problems, shift);
        }
        self.context = Rc::new(project);
        self.findings = problems.into();
        self.stages = stages.into();
        self.summary = summary.as_str().into();
        if !self.is_building() {
            self.tape = lines.into();
        }
    }

    fn take_line(&mut self, mut cell: LineView) {
        if let Some(shift) = self.since_text(&self.sent.build_text.clone()) {
            let Some(lines) = shift.lines(cell.lines) else { return };
            cell.lines = lines;
        }
        self.tape = put_cell(&self.tape, cell);
    }

    fn take_log(&mut self, text: &str) {
        let log = Rc::make_mut(&mut self.log);
        for line in text.lines() {
            // One empty line between two steps, however the pieces are cut.
            if !line.is_empty() || log.last().is_some_and(|last| !last.is_empty()) {
                log.push(line.into());
            }
        }
        if log.len() > MAX_LOG {
            log.drain(..log.len() - MAX_LOG);
        }
    }

    fn take_image(&mut self, image: ImageView) {
        let shift = self.since_text(&self.sent.build_text.clone());
        let place = |line: usize| match shift {
            Some(shift) => moving::move_line(line, shift),
            None => Some(line),
        };
        self.layer_lines = image.layers.iter().map(|layer| layer.line.and_then(place)).collect();
        let n_layers = image.layers.len();
        self.summary = format!(
            "Built: {} ran, {} from the cache. {}, {}.",
            words::count(image.ran, "step", "steps"),
            image.cached,
            words::count(n_layers, "layer", "layers"),
            words::bytes(image.bytes),
        )
        .into();
        self.status = Rc::default();
        let image = Rc::new(image);
        self.built = Some(image.clone());
        self.build = Build::Done;
        self.look_into(messages::Subject::Built, image);
        self.stir();
    }

    fn take_files(&mut self, id: u32, mut rows: Vec<FileRow>) {
        // A byte-wise order of paths puts `a-b` between `a` and `a/c`; a tree needs `a/c` next to `a`.
        rows.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        if id == self.sent.files {
            self.folded = Rc::new(tree::first_folds(&rows));
            self.files = Load::Here(rows.into());
            return;
        }
        let Some(layer) = id.checked_sub(self.sent.matrix).map(|n| n as usize) else {
            return;
        };
        if self.sent.matrix > 0 && layer < self.matrix.len() {
            let mut matrix = self.matrix.to_vec();
            matrix[layer] = Load::Here(rows.into());
            self.matrix = matrix.into();
        }
    }

    fn take_failure(&mut self, id: u32, problem: Problem) {
        let what: Rc<str> = problem.message.as_str().into();
        if id == self.sent.build && self.is_building() {
            self.status = match problem.line {
                Some(line) => format!("The build failed at line {line}.").into(),
                None => "The build failed.".into(),
            };
            self.selection.line = problem.line.or(self.selection.line);
            self.build = Build::Failed(Rc::new(problem));
        } else if id == self.sent.files {
            self.files = Load::Failed(what);
        } else if id == self.sent.content {
            self.content = Load::Failed(what);
        } else if id == self.sent.preview {
            self.sent.answered = id;
            self.summary = format!("No preview: {what}.").into();
        } else if !self.hear_refusal(id, &problem) {
            self.trouble = Some(what);
        }
    }
}
