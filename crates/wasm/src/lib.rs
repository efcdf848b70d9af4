//! The engine's WebAssembly module: what the page's worker runs. It carries messages to and from the workbench and holds no logic.
//!
//! `worker.js` owns one [`Engine`]. It hands every message of the page to [`Engine::receive`] and calls [`Engine::step`] as long as that
//! says there is more to do, letting messages through in between. Commands run in a module of their own, see [`remote`].

mod file;
mod remote;
mod todo;

use file::PageFile;
use js_sys::Function;
use messages::{Answer, Ask, Problem, Reply, Request};
use remote::{NoShell, RemoteShell, Shell};
use std::collections::VecDeque;
use std::rc::Rc;
use store::Time;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};
use wire::EngineEnd;
use workbench::{Next, Workbench};

pub use todo::Todo;

/// While an archive is loaded, the page is told of it so often, in milliseconds.
const TELL_EVERY: f64 = 100.0;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// One project and its builds, as the worker sees them.
#[wasm_bindgen]
pub struct Engine {
    workbench: Workbench,
    post: Function,
    /// The request that the running build answers.
    build: u32,
    /// Steps done and steps in all, as last told.
    progress: (usize, usize),
    shell: Option<Shell>,
    wire: EngineEnd,
    /// What was asked of the machines and waits for its turn, or for the shell.
    waiting: VecDeque<(u32, Ask)>,
}

#[wasm_bindgen]
impl Engine {
    /// An engine that gives its replies to `post`, a function of one argument. It says at once that it is ready.
    ///
    /// # Errors
    ///
    /// Whatever `post` throws.
    #[wasm_bindgen(constructor)]
    pub fn new(post: Function) -> Result<Engine, JsError> {
        std::panic::set_hook(Box::new(|info| console_error(&info.to_string())));
        let workbench = Workbench::new(now());
        let engine = Engine {
            workbench,
            post,
            build: 0,
            progress: (0, 0),
            shell: None,
            wire: EngineEnd::default(),
            waiting: VecDeque::new(),
        };
        engine.reply(0, engine.workbench.ready())?;
        Ok(engine)
    }

    /// Takes one message of the page: a [`Request`].
    ///
    /// # Errors
    ///
    /// If it is no request; whatever `post` throws.
    pub fn receive(&mut self, message: JsValue) -> Result<(), JsError> {
        let Request { id, ask } = serde_wasm_bindgen::from_value(message)?;
        match ask {
            Ask::Build(options) => {
                self.build = id;
                let answers = self.workbench.start(&options, now());
                self.reply_all(id, answers)
            }
            Ask::Cancel => {
                let answers = self.workbench.cancel();
                self.reply_all(self.build, answers)
            }
            ask if Workbench::needs_shell(&ask) => {
                self.waiting.push_back((id, ask));
                Ok(())
            }
            other => {
                let answers = self.workbench.handle(other, now());
                self.reply_all(id, answers)
            }
        }
    }

    /// Loads the images of `file`, which the page calls `name`, on the machine `host`, without taking it into memory: it is read where
    /// it lies, now and whenever something of it is wanted. Answered as [`Ask::Load`] is, with [`Answer::Progress`] in MiB before.
    ///
    /// # Errors
    ///
    /// If there is no reader for files; whatever `post` throws.
    pub fn load(&mut self, id: u32, host: usize, name: &str, file: web_sys::Blob) -> Result<(), JsError> {
        let file = PageFile::new(file).map_err(|thrown| JsError::new(&format!("{thrown:?}")))?;
        let mut told = js_sys::Date::now();
        let mut progress = |done: u64, total: u64| {
            let now = js_sys::Date::now();
            if now - told >= TELL_EVERY {
                told = now;
                // What cannot be told now is told with the last answer.
                let _ = tell(&self.post, id, loading(name, done, total));
            }
        };
        let answers = self.workbench.load(host, name, Rc::new(file), now(), &mut progress);
        self.reply_all(id, answers)
    }

    /// Does what was asked of the machines, or walks one step of the running build, if there is one.
    ///
    /// # Errors
    ///
    /// Whatever `post` throws.
    pub fn step(&mut self) -> Result<Todo, JsError> {
        if let Some((id, ask)) = self.waiting.pop_front() {
            return self.drive(id, ask);
        }
        let answers = match (self.workbench.next(), &self.shell) {
            (Next::Idle, _) => return Ok(Todo::Nothing),
            (Next::Step, _) => self.workbench.step(&mut NoShell),
            (Next::Execute, Some(shell)) => self.workbench.step(&mut RemoteShell {
                shell,
                wire: &mut self.wire,
            }),
            (Next::Execute, None) => {
                let (done, total) = self.progress;
                self.reply(
                    self.build,
                    Answer::Progress {
                        done,
                        total,
                        doing: "loading the shell".to_owned(),
                    },
                )?;
                return Ok(Todo::LoadShell);
            }
        };
        self.reply_all(self.build, answers)?;
        Ok(if self.workbench.next() == Next::Idle {
            Todo::Nothing
        } else {
            Todo::Step
        })
    }

    fn drive(&mut self, id: u32, ask: Ask) -> Result<Todo, JsError> {
        let Some(shell) = &self.shell else {
            self.waiting.push_front((id, ask));
            return Ok(Todo::LoadShell);
        };
        let mut remote = RemoteShell {
            shell,
            wire: &mut self.wire,
        };
        let answers = self.workbench.drive(ask, now(), &mut remote);
        self.reply_all(id, answers)?;
        Ok(Todo::Step)
    }

    /// Takes the shell's module, for this and every later command.
    pub fn attach_shell(&mut self, shell: Shell) {
        self.wire = EngineEnd::default();
        self.shell = Some(shell);
    }

    /// Gives up what waits for the shell, and the running build, because the shell's module could not be loaded.
    ///
    /// # Errors
    ///
    /// Whatever `post` throws.
    pub fn shell_failed(&mut self, why: &str) -> Result<(), JsError> {
        for (id, _) in std::mem::take(&mut self.waiting) {
            self.reply(id, Answer::Failed(shell_problem(why)))?;
        }
        if self.workbench.cancel().is_empty() {
            return Ok(());
        }
        self.reply(self.build, Answer::Failed(shell_problem(why)))
    }

    fn reply_all(&mut self, id: u32, answers: Vec<Answer>) -> Result<(), JsError> {
        for answer in answers {
            if let Answer::Progress { done, total, .. } = answer {
                self.progress = (done, total);
            }
            self.reply(id, answer)?;
        }
        Ok(())
    }

    fn reply(&self, id: u32, answer: Answer) -> Result<(), JsError> {
        tell(&self.post, id, answer)
    }
}

fn tell(post: &Function, id: u32, answer: Answer) -> Result<(), JsError> {
    let reply = serde_wasm_bindgen::to_value(&Reply { id, answer })?;
    match post.call1(&JsValue::NULL, &reply) {
        Ok(_) => Ok(()),
        Err(thrown) => Err(JsError::new(&format!("the page could not be told: {thrown:?}"))),
    }
}

fn loading(name: &str, done: u64, total: u64) -> Answer {
    let [done, total] = [done, total].map(|bytes| (bytes >> 20) as usize);
    let doing = format!("loading {name}");
    Answer::Progress { done, total, doing }
}

fn shell_problem(why: &str) -> Problem {
    Problem {
        severity: "error".to_owned(),
        code: "shell".to_owned(),
        message: format!("the shell that runs commands could not be loaded: {why}"),
        hints: vec!["check the connection, then build again".to_owned()],
        ..Problem::default()
    }
}

fn now() -> Time {
    let millis = js_sys::Date::now();
    Time {
        secs: (millis / 1000.0).floor() as i64,
        nanos: (millis.rem_euclid(1000.0) * 1e6) as u32,
    }
}
