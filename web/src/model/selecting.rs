//! One selection for all rooms: a line, its layer, its files.

use std::rc::Rc;

use messages::{Ask, Subject, View};

use super::{Inside, Load, Model, Scope};

impl Model {
    pub(super) fn select_line(&mut self, line: usize) {
        let line = self.reading.instruction_at(line).unwrap_or(line);
        if self.selection.line == Some(line) {
            return;
        }
        self.selection.line = Some(line);
        if let Some(layer) = self.layer_of(line)
            && self.selection.layer != Some(layer)
        {
            self.set_layer(layer);
        }
    }

    /// The layer that a line made: by the build's own word, or by the image's.
    pub(super) fn layer_of(&self, line: usize) -> Option<usize> {
        if self.subject != Subject::Built {
            return None;
        }
        let n_layers = self.image.as_ref()?.layers.len();
        let by_cell = self
            .cell(line)
            .and_then(|cell| cell.layer)
            .filter(|layer| *layer < n_layers);
        by_cell.or_else(|| self.layer_lines.iter().position(|made_by| *made_by == Some(line)))
    }

    pub(super) fn select_layer(&mut self, layer: usize) {
        let Some(image) = &self.image else { return };
        if layer >= image.layers.len() {
            return;
        }
        if let Some(line) = self.line_of(layer) {
            self.selection.line = Some(line);
        } else if image.layers[layer].base && self.subject == Subject::Built {
            // The base's layers all come with one line.
            self.selection.line = self
                .tape
                .iter()
                .find(|c| c.state == messages::LineState::Base)
                .map(|c| c.lines.0);
        }
        self.set_layer(layer);
    }

    fn set_layer(&mut self, layer: usize) {
        self.selection.layer = Some(layer);
        self.selection.path = None;
        self.content = Load::Nothing;
        self.ask_files();
    }

    fn view(&self) -> Option<View> {
        let layer = self.selection.layer?;
        Some(match self.scope {
            Scope::Layer => View::Layer(layer),
            Scope::UpTo => View::UpTo(layer),
        })
    }

    fn ask_files(&mut self) {
        if let Some(view) = self.view() {
            self.files = Load::Loading;
            self.sent.files = self.ask(Ask::Files {
                subject: self.subject.clone(),
                view,
            });
        }
    }

    pub(super) fn select_path(&mut self, path: Rc<str>) {
        let Load::Here(rows) = &self.files else { return };
        let Some(row) = rows.iter().find(|row| *row.path == *path) else {
            return;
        };
        let has_content = row.kind == "file" || row.kind == "link";
        self.selection.path = Some(path.clone());
        self.content = Load::Nothing;
        if has_content && row.change != messages::ChangeView::Deleted {
            self.ask_content(path);
        }
    }

    fn ask_content(&mut self, path: Rc<str>) {
        if let Some(view) = self.view() {
            self.content = Load::Loading;
            self.sent.content = self.ask(Ask::Content {
                subject: self.subject.clone(),
                view,
                path: path.to_string(),
            });
        }
    }

    pub(super) fn select_cell(&mut self, layer: usize, path: Rc<str>) {
        self.scope = Scope::Layer;
        self.select_layer(layer);
        self.selection.path = Some(path.clone());
        self.ask_content(path);
    }

    pub(super) fn show(&mut self, inside: Inside) {
        self.inside = inside;
        if inside == Inside::Matrix && self.matrix.is_empty() {
            self.ask_matrix();
        }
    }

    /// Asks for the changes of every layer that the build made; base layers stay out of the matrix.
    pub(super) fn ask_matrix(&mut self) {
        let Some(image) = self.image.clone() else { return };
        self.sent.matrix = self.sent.next;
        self.matrix = vec![Load::Nothing; image.layers.len()].into();
        // The numbers of requests are those of layers, so the base's layers use theirs up.
        for (index, layer) in image.layers.iter().enumerate() {
            if layer.base {
                self.sent.next += 1;
            } else {
                self.ask(Ask::Files {
                    subject: self.subject.clone(),
                    view: View::Layer(index),
                });
            }
        }
    }

    pub(super) fn show_scope(&mut self, scope: Scope) {
        if self.scope != scope {
            self.scope = scope;
            self.content = Load::Nothing;
            self.selection.path = None;
            self.ask_files();
        }
    }

    pub(super) fn fold(&mut self, path: String) {
        let folded = Rc::make_mut(&mut self.folded);
        if !folded.remove(&path) {
            folded.insert(path);
        }
    }
}
