//! What the page asks of the machines.

use crate::machines::{self, Inside};
use crate::{WORKSTATION, Workbench, files, image, loading, problems};
use hosts::{Input, Shell, Tools};
use messages::{Answer, Ask, Subject, View};
use std::rc::Rc;
use store::{ReadAt, Time};

impl Workbench {
    /// Whether an ask is for [`drive`](Workbench::drive): it runs something on a machine.
    pub fn needs_shell(ask: &Ask) -> bool {
        matches!(ask, Ask::Type { .. } | Ask::Save { .. } | Ask::LeaveEditor { .. })
    }

    /// Answers what is typed at the machines.
    pub fn drive(&mut self, ask: Ask, now: Time, shell: &mut dyn Shell) -> Vec<Answer> {
        let (host, input) = match ask {
            Ask::Type { host, input } => (
                host,
                match input {
                    messages::Input::Line(line) => Input::Line(line),
                    messages::Input::Interrupt => Input::Interrupt,
                    messages::Input::EndOfInput => Input::EndOfInput,
                },
            ),
            Ask::Save { host, text, .. } => (host, Input::Edited(Some(text))),
            Ask::LeaveEditor { host } => (host, Input::Edited(None)),
            other => return self.handle(other, now),
        };
        let mut answers = Vec::new();
        if host == WORKSTATION
            && let Err(why) = self.lay_out(now)
        {
            answers.push(self.say(host, &format!("layerlab: the project's files: {why}\n")));
        }
        let mut tools = Tools {
            now,
            blobs: &mut self.blobs,
            shell,
        };
        let Some(shown) = self.lab.give(host, input, &mut tools) else {
            return vec![no_machine()];
        };
        answers.extend(machines::shown(host, shown));
        answers.extend(machines::wire(self.lab.take_wire()));
        if host == WORKSTATION {
            answers.extend(self.take_back(now));
        }
        answers.push(Answer::Machines(machines::views(&self.lab, now)));
        answers
    }

    /// The machines as they stand, and what their terminals wait for.
    pub(crate) fn look(&self, now: Time) -> Vec<Answer> {
        let mut answers = vec![Answer::Machines(machines::views(&self.lab, now))];
        answers.extend((0..self.lab.machines().len()).map(|host| self.say(host, "")));
        answers
    }

    /// Text at a terminal that goes on waiting for what it waited for.
    fn say(&self, host: usize, text: &str) -> Answer {
        machines::terminal(host, text, self.lab.wants(host))
    }

    /// What could stand at the end of a line.
    pub(crate) fn complete(&self, host: usize, text: &str) -> Answer {
        let (start, words) = self.lab.complete(host, text);
        Answer::Completions { host, start, words }
    }

    fn lay_out(&mut self, now: Time) -> Result<(), String> {
        let tree = &mut self.lab.machines_mut()[WORKSTATION].tree;
        self.desk.lay_out(&self.project, tree, now, &mut self.blobs)
    }

    /// Takes what a command did to the project's files into the project.
    fn take_back(&mut self, now: Time) -> Vec<Answer> {
        let tree = &self.lab.machines()[WORKSTATION].tree;
        let changes = self.desk.changes(&self.project, tree, &self.blobs);
        if changes.is_empty() {
            return Vec::new();
        }
        self.project.remove(&changes.removed);
        let taken = self.project.put(changes.files.clone(), now);
        let mut answers = vec![Answer::Edited {
            files: changes.files,
            removed: changes.removed,
        }];
        answers.extend(self.after_edit(taken, now));
        answers
    }

    /// What is in an image or a container.
    pub(crate) fn inspect(&self, subject: Subject) -> Answer {
        match self.inside(&subject) {
            Ok(inside) => Answer::Inspected {
                image: Box::new(inside.view()),
                subject,
            },
            Err(why) => Answer::Failed(problems::plain("machine", &why)),
        }
    }

    fn inside(&self, subject: &Subject) -> Result<Inside, String> {
        Inside::of(subject, self.lab.machines(), &self.blobs)
    }

    pub(crate) fn files_of(&self, subject: &Subject, view: View) -> Answer {
        let rows = self
            .inside(subject)
            .and_then(|inside| files::rows(&inside.image, view).map_err(|error| error.to_string()));
        match rows {
            Ok(rows) => Answer::Files(rows),
            Err(why) => Answer::Failed(problems::plain("files", &why)),
        }
    }

    pub(crate) fn content_of(&self, subject: &Subject, view: View, path: &str) -> Answer {
        match self.inside(subject) {
            Ok(inside) => Answer::Content(files::content(&inside.image, view, path, &self.blobs)),
            Err(why) => Answer::Failed(problems::plain("files", &why)),
        }
    }

    /// An image as `docker save` writes it, or a container's files as `docker export` does.
    pub(crate) fn archive_of(&self, subject: &Subject) -> Answer {
        let made = self.inside(subject).and_then(|inside| {
            if inside.n_image.is_some() {
                let (Subject::Image { host, id } | Subject::Container { host, id }) = subject else {
                    return Err("expected an image or a container".to_owned());
                };
                let daemon = &self.lab.machines()[*host].daemon;
                let mut bytes = Vec::new();
                daemon
                    .export(id, &self.blobs, &mut bytes)
                    .map_err(|refusal| refusal.to_string())?;
                return Ok((format!("{}.tar", inside.name), bytes));
            }
            let name = image::archive_name(&inside.name, &inside.image.id());
            Ok((name, image::archive(&inside.image, &inside.name, &self.blobs)?))
        });
        match made {
            Ok((name, bytes)) => Answer::Archive { name, bytes },
            Err(why) => Answer::Failed(problems::plain("archive", &why)),
        }
    }

    /// Loads an archive, as `docker load` does, from where it lies. `progress` is told how many bytes are done, and of how many.
    pub fn load(
        &mut self,
        host: usize,
        name: &str,
        archive: Rc<dyn ReadAt>,
        now: Time,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Vec<Answer> {
        let Some(machine) = self.lab.machines_mut().get_mut(host) else {
            return vec![no_machine()];
        };
        let loaded = match loading::load(name, archive, &mut self.blobs, progress) {
            Ok(loaded) => loaded,
            Err(problem) => return vec![Answer::Failed(*problem)],
        };
        let text = loading::said_of_loaded(&loaded);
        match machine.daemon.add_loaded(loaded, now, &mut self.blobs) {
            Ok(_) => vec![self.say(host, &text), Answer::Machines(machines::views(&self.lab, now))],
            Err(why) => vec![Answer::Failed(problems::plain("load", &format!("{name}: {why}")))],
        }
    }
}

fn no_machine() -> Answer {
    Answer::Failed(problems::plain("machine", "there is no such machine"))
}
