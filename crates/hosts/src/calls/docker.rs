//! `docker`: the command language over this machine's daemon.

use super::{Called, Calling, Said, Signals, failed};
use crate::lab::{Lab, Tools};
use crate::machine::{FilesOf, Machine};
use crate::names::{Destination, PLACES, look_up};
use crate::network::Network;
use crate::terminal::{Frame, Where};
use crate::wire::Exchange;
use builder::{CallAnswer, Echo, HostCall, Output, Sink, Stream};
use cli::docker::{Host, Input, Lasting, Outcome, run};
use engine::{HostFiles, Simulated};
use registry::TlsPolicy;
use registry::client::{Event, SparedReason, certs_dir, read_certs};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use store::{BlobStore, Follow, Node};

/// Exit code of a client that Ctrl-C ended.
const INTERRUPTED: i32 = 130;
const NO_DAEMON: &str =
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n";
/// Programs that read commands at a prompt and that are simulated as such.
const SHELLS: [&str; 4] = ["sh", "bash", "ash", "dash"];

pub(super) fn begin(call: &HostCall, machine: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> Called {
    execute(call, Vec::new(), machine, lab, tools)
}

/// Goes on with a command that asked for a line.
pub(super) fn answer(
    call: &HostCall,
    (mut typed, prompt, echo): (Vec<String>, String, Echo),
    said: Said,
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> Called {
    match said {
        Said::Line(line) => {
            typed.push(line);
            execute(call, typed, machine, lab, tools)
        }
        Said::End => Called::done(failed(1, "\nunexpected EOF\n")),
        Said::Interrupt => Called::done(failed(INTERRUPTED, "")),
        Said::Edited(_) => Called::Waits {
            output: Vec::new(),
            calling: Calling::Asking { prompt, echo, typed },
        },
    }
}

/// Ctrl-C, while a command shows what a container does.
pub(super) fn detach(
    (container, signals): (&str, Signals),
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> Called {
    let machine = &mut lab.machines[machine];
    let exit = match signals {
        Signals::Client => INTERRUPTED,
        Signals::Exec(pid) => {
            // One that has ended meanwhile need not be ended.
            let _ = machine.daemon.finish_exec(container, pid);
            INTERRUPTED
        }
        Signals::Process => match machine.with_daemon(tools, |daemon, host| daemon.kill(container, "SIGINT", host)) {
            Ok(stopped) => stopped.exit.unwrap_or(INTERRUPTED),
            Err(_) => INTERRUPTED,
        },
    };
    lab.sync(tools);
    Called::done(failed(exit, ""))
}

fn execute(call: &HostCall, typed: Vec<String>, index: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> Called {
    let asks_daemon = !call.args.is_empty() && !call.args.iter().any(|arg| arg == "--help");
    if asks_daemon && !lab.machines[index].is_up {
        return Called::done(failed(1, NO_DAEMON));
    }
    let written = Rc::new(RefCell::new(Vec::new()));
    let writer = |stream| Ordered {
        stream,
        written: Rc::clone(&written),
    };
    let (mut out, mut err) = (writer(Stream::Out), writer(Stream::Err));
    let mut notes = Vec::new();
    let mut eyes = Eyes {
        from: index,
        certs: certs(&lab.machines[index], tools.blobs),
        spared: Vec::new(),
    };
    let outcome = {
        let Lab {
            machines,
            services,
            hub,
            wire,
            claims,
            ..
        } = &mut *lab;
        let Machine {
            daemon,
            cache,
            tree,
            registries,
            ..
        } = &mut machines[index];
        let mut network = Network {
            from: index,
            services,
            hub,
            wire,
            claims,
            now: tools.now,
            notes: &mut notes,
        };
        let mut host = Typed {
            machine: PLACES[index].name,
            files: FilesOf { tree, now: tools.now },
            call,
        };
        let mut machine = cli::docker::Machine {
            daemon,
            cache,
            blobs: &mut *tools.blobs,
            executor: &mut *tools.shell,
            runtime: &mut Simulated,
            registries,
            transport: &mut network,
            wire: &mut eyes,
            host: &mut host,
            now: tools.now,
            out: &mut out,
            err: &mut err,
            answers: &typed,
        };
        run(&call.args, &mut machine)
    };
    for (bytes, why) in eyes.spared {
        lab.wire.add(Exchange {
            client: PLACES[index].name.to_owned(),
            spared: Some((why, bytes)),
            note: "Not asked for: it is here already.".to_owned(),
            ..Exchange::default()
        });
    }
    for note in notes {
        let _ = writeln!(err, "layerlab: {note}");
    }
    lab.sync(tools);
    let output = std::mem::take(&mut *written.borrow_mut());
    conclude(call, outcome, output, typed, &lab.machines[index], index)
}

/// What a command came to, for the terminal.
fn conclude(
    call: &HostCall,
    outcome: Outcome,
    output: Vec<Output>,
    typed: Vec<String>,
    machine: &Machine,
    index: usize,
) -> Called {
    let waits = |calling| Called::Waits {
        output: output.clone(),
        calling,
    };
    match outcome {
        Outcome::Exit(exit) if call.stdout == Sink::Terminal => Called::Done {
            output,
            answer: failed(exit, ""),
        },
        Outcome::Exit(exit) => {
            let of = |stream: Stream| -> Vec<u8> {
                let pieces = output.iter().filter(|piece| piece.stream == stream);
                pieces.flat_map(|piece| piece.bytes.iter().copied()).collect()
            };
            Called::done(CallAnswer {
                stdout: of(Stream::Out),
                stderr: of(Stream::Err),
                exit,
                ..CallAnswer::default()
            })
        }
        Outcome::Asks { prompt, hidden } => waits(Calling::Asking {
            prompt,
            echo: if hidden { Echo::Hidden } else { Echo::Shown },
            typed,
        }),
        Outcome::Lasts { container, doing } => waits(Calling::Attached {
            container,
            signals: match doing {
                Lasting::Attached => Signals::Process,
                Lasting::Exec(pid) => Signals::Exec(pid),
                Lasting::Logs { .. } | Lasting::Waiting => Signals::Client,
            },
        }),
        Outcome::Interactive { container, exec, argv } => {
            let program = argv.first().map_or("", String::as_str);
            let name = program.rsplit('/').next().unwrap_or_default();
            if !SHELLS.contains(&name) {
                let text = format!("layerlab: the prompt of {name} is not simulated; Ctrl-C ends it\n");
                let mut output = output;
                output.push(Output::err(text));
                return Called::Waits {
                    output,
                    calling: Calling::Attached {
                        container,
                        signals: exec.map_or(Signals::Process, Signals::Exec),
                    },
                };
            }
            Called::Enter {
                output,
                frame: Box::new(frame(machine, index, container, exec, program)),
            }
        }
    }
}

/// The shell that a container runs at the terminal.
fn frame(machine: &Machine, index: usize, id: String, exec: Option<u32>, program: &str) -> Frame {
    let mut frame = Frame::new(Where::Container(index, id.clone()), "", program);
    if let Ok(container) = machine.daemon.container(&id) {
        if !program.contains('/') {
            let paths = ["/bin", "/usr/bin", "/usr/local/bin"].map(|dir| format!("{dir}/{program}"));
            let is_there = |path: &&String| {
                let place = container.tree.resolve(path, Follow::Last).ok();
                place.is_some_and(|place| container.tree.get(&place).is_some())
            };
            if let Some(path) = paths.iter().find(is_there) {
                frame.shell.clone_from(path);
            }
        }
        let mut processes = container.state.processes.iter();
        let process = processes.find(|process| exec.is_none_or(|pid| process.pid == pid));
        if let Some(process) = process {
            frame.user.clone_from(&process.user);
            frame.cwd.clone_from(&process.cwd);
            frame.env.clone_from(&process.env);
        }
    }
    frame.exec = exec;
    frame
}

/// Two writers into one list, so that both streams keep their order.
struct Ordered {
    stream: Stream,
    written: Rc<RefCell<Vec<Output>>>,
}

impl Write for Ordered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.written.borrow_mut();
        match written.last_mut() {
            Some(last) if last.stream == self.stream => last.bytes.extend_from_slice(bytes),
            _ => written.push(Output {
                stream: self.stream,
                bytes: bytes.to_vec(),
            }),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A machine as a command that is typed there sees it.
struct Typed<'a> {
    machine: &'static str,
    files: FilesOf<'a>,
    call: &'a HostCall,
}

impl Host for Typed<'_> {
    fn files(&mut self) -> &mut dyn HostFiles {
        &mut self.files
    }

    fn cwd(&self) -> String {
        self.call.cwd.clone()
    }

    fn variable(&self, name: &str) -> Option<String> {
        let found = self.call.env.iter().find(|(known, _)| known == name);
        match found {
            // A shell knows what its machine is called without exporting it.
            None if name == "HOSTNAME" => Some(self.machine.to_owned()),
            found => found.map(|(_, value)| value.clone()),
        }
    }

    fn stdin(&mut self) -> Input {
        match &self.call.stdin {
            Some(bytes) => Input::bytes(bytes.clone()),
            None => Input::Terminal,
        }
    }

    fn writes_to_terminal(&self) -> bool {
        self.call.stdout == Sink::Terminal
    }
}

/// What a registry's client knows of the machine it runs on, and what it saw.
struct Eyes {
    from: usize,
    certs: BTreeMap<String, TlsPolicy>,
    spared: Vec<(u64, String)>,
}

impl registry::client::Host for Eyes {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        if let Event::Spared(spared) = event
            && spared.reason == SparedReason::Here
        {
            let id: String = spared.digest.hex().chars().take(12).collect();
            self.spared.push((spared.bytes, format!("{id} is here already")));
        }
        ControlFlow::Continue(())
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let address = match look_up(name, self.from) {
            Some(Destination::Machine(machine)) if machine == self.from && !PLACES[machine].is(name) => "127.0.0.1",
            Some(Destination::Machine(machine)) => PLACES[machine].address,
            Some(Destination::Hub) | None => return Vec::new(),
        };
        address.parse().into_iter().collect()
    }

    fn certs(&self, registry: &str) -> TlsPolicy {
        self.certs.get(&certs_dir(registry)).cloned().unwrap_or_default()
    }
}

/// What `/etc/docker/certs.d` says, by directory. One whose client certificate is not whole says nothing.
fn certs(machine: &Machine, blobs: &dyn BlobStore) -> BTreeMap<String, TlsPolicy> {
    let base = registry::client::CERTS_DIR;
    let place = machine.tree.resolve(base, Follow::Last).ok();
    let Some(Node::Dir(dir)) = place.and_then(|place| machine.tree.get(&place)) else {
        return BTreeMap::new();
    };
    let mut policies = BTreeMap::new();
    for (host, node) in &dir.entries {
        let Some(files) = node.as_dir() else { continue };
        let path = format!("{base}/{host}");
        let texts: Vec<(&str, String)> = files
            .entries
            .keys()
            .filter_map(|name| Some((name.as_str(), machine.text(&format!("{path}/{name}"), blobs)?)))
            .collect();
        if let Ok(policy) = read_certs(texts.iter().map(|(name, text)| (*name, text.as_str()))) {
            policies.insert(path, policy);
        }
    }
    policies
}
