//! What the worker's answers change of the hosts.

use std::rc::Rc;

use messages::{Answer, Problem, TerminalView, Wants};

use super::{MAX_HOSTS, Upper};
use crate::model::{Editing, Model};

impl Model {
    /// Takes what is said of the hosts.
    pub(in crate::model) fn hear_machines(&mut self, id: u32, answer: Answer) {
        match answer {
            Answer::Machines(hosts) => {
                if id == self.machines.sent.look {
                    self.machines.sent.is_looking = false;
                }
                if id == self.machines.sent.load {
                    self.take_load();
                }
                self.machines.refused = None;
                self.machines.hosts = hosts.into_iter().take(MAX_HOSTS).collect();
                self.machines.host = self.machines.host.min(self.machines.hosts.len().saturating_sub(1));
                if let Some(last) = self.machines.hosts.len().checked_sub(1) {
                    self.machines.terminal_mut(last);
                }
                if id == self.machines.sent.load {
                    self.look_into_opened();
                }
                self.refresh();
            }
            Answer::Terminal(view) => self.take_terminal(id, view),
            Answer::Completions { host, start, words } if id == self.machines.sent.complete => {
                if let Some(terminal) = self.machines.terminal_mut(host) {
                    terminal.offer(start, &words);
                }
            }
            Answer::Edit { host, path, text } => {
                if let Some(terminal) = self.machines.terminal_mut(host) {
                    terminal.editing = Some(Rc::new(Editing { path, text }));
                }
            }
            Answer::Progress { done, total, .. } if id == self.machines.sent.load => {
                if let Some(arriving) = &mut self.machines.arriving {
                    Rc::make_mut(arriving).read = Some((done, total));
                }
            }
            Answer::Wire(rows) => Rc::make_mut(&mut self.machines.wire).add(rows),
            Answer::Inspected { subject, image } if id == self.machines.sent.inspect => {
                self.status = format!("Looking into {}.", image.tag).into();
                self.look_into(subject, Rc::new(*image));
            }
            _ => {}
        }
    }

    fn take_terminal(&mut self, id: u32, view: TerminalView) {
        let host = view.host;
        let is_look = id == self.machines.sent.look;
        let is_prompt = matches!(view.wants, Wants::Prompt(_));
        // What the terminal waited for when the hosts were looked at is old if it has been given something since.
        let given = self.machines.sent.given.get(host).copied().unwrap_or(0);
        let knows = !is_look || id > given;
        let Some(terminal) = self.machines.terminal_mut(host) else {
            return;
        };
        let out = terminal.take(view, knows);
        self.send(host, out);
        if is_prompt && !is_look {
            self.stir();
        }
    }

    fn take_load(&mut self) {
        if self.machines.arriving.take().is_some() {
            self.machines.upper = Upper::Images;
            self.status = "The archive is loaded.".into();
        }
    }

    /// Takes a refusal; false if it is of something else.
    pub(in crate::model) fn hear_refusal(&mut self, id: u32, problem: &Problem) -> bool {
        let sent = &mut self.machines.sent;
        let why = &problem.message;
        if id == sent.look {
            sent.is_looking = false;
            self.machines.refused = Some(why.as_str().into());
        } else if id == sent.load {
            self.machines.arriving = None;
            self.trouble = Some(format!("The archive was not loaded, and nothing has changed: {why}.").into());
        } else if id == sent.inspect {
            self.trouble = Some(format!("It cannot be looked into: {why}.").into());
        } else if let Some(host) = sent.given.iter().position(|given| *given == id) {
            if let Some(terminal) = self.machines.terminal_mut(host) {
                terminal.say(why);
            }
            // What it waits for now, nobody has said.
            self.look();
        } else {
            return id == sent.complete;
        }
        true
    }
}
