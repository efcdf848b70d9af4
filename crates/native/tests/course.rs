//! The course's commands, all of them and in its order, typed at terminals of this machine: `layerlab` under the name of `docker`,
//! with real builds, containers, certificates and registries. The same list is typed into the page's simulated machines.
//!
//! The two machines of the course are two mount namespaces, each with an `/etc`, a home and a root of its own, in one network
//! namespace; Docker Hub is a registry of ours in a second one. Its images are stand-ins made of busybox, `registry:2` holds this
//! program. `sudo`, `systemctl` and `scp` are stand-ins as well. It all goes away with the process that made it. It takes root;
//! `cargo xtask test peers` installs what else it takes.

#[path = "course/hub.rs"]
mod hub;
#[path = "course/terminal.rs"]
mod terminal;

use hub::Hub;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use terminal::Terminal;

const SCRIPT: &str = include_str!("../../../tests/fixtures/course.terminal");
const HOSTS: [&str; 2] = ["workstation", "registry"];
const PROGRAM: &str = env!("CARGO_BIN_EXE_layerlab");
/// Set where the test runs once more, in namespaces of its own; holds its folder.
const INSIDE: &str = "LAYERLAB_COURSE";

/// A program that has just been started takes a while to say what a person waits for: a line that only looks is typed so often.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// A line typed at a prompt, and what is said of it.
#[derive(Debug, Default)]
struct Step {
    number: usize,
    host: usize,
    line: String,
    answers: Vec<String>,
    expected: Vec<String>,
    unwanted: Vec<String>,
    exit: i32,
}

fn steps(script: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in script.lines().enumerate() {
        let typed = HOSTS.iter().enumerate().find_map(|(host, name)| {
            let line = line.strip_prefix(name)?.strip_prefix("$ ")?;
            Some((host, line))
        });
        if let Some((host, typed)) = typed {
            steps.push(Step {
                number: index + 1,
                host,
                line: typed.to_owned(),
                ..Step::default()
            });
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let step = steps.last_mut().expect("a line is typed before anything is said of it");
        match line.split_at(1) {
            (">", rest) => step.answers.push(rest.trim_start().to_owned()),
            ("|" | "+", rest) => step.expected.push(rest[1..].to_owned()),
            // Only on the simulated machines.
            ("~", _) => {}
            ("!", rest) => step.unwanted.push(rest[1..].to_owned()),
            ("=", rest) => step.exit = rest.trim().parse().expect("an exit code"),
            _ => panic!("line {}: expected a step, found {line:?}", index + 1),
        }
    }
    steps
}

/// What is wrong with what a step said; nothing if it is as expected.
fn judge(step: &Step, said: &str, exit: i32) -> Option<String> {
    let mut rest = said;
    for wanted in &step.expected {
        match rest.find(wanted.as_str()) {
            Some(at) => rest = &rest[at + wanted.len()..],
            None => return Some(format!("expected {wanted:?}")),
        }
    }
    let unwanted = step.unwanted.iter().find(|text| said.contains(text.as_str()));
    unwanted
        .map(|text| format!("did not expect {text:?}"))
        .or_else(|| (exit != step.exit).then(|| format!("expected exit code {}, found {exit}", step.exit)))
}

/// Whether a line changes nothing and may be typed again.
fn is_look(line: &str) -> bool {
    ["docker logs ", "docker ps", "curl "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// The folders of one of the machines.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(lab: &Path, name: &str) -> Machine {
        let machine = Machine { folder: lab.join(name) };
        for below in ["home", "root", "etc", "work", "bin"] {
            fs::create_dir_all(machine.folder.join(below)).unwrap();
        }
        symlink(PROGRAM, machine.folder.join("bin/docker")).unwrap();
        let home = lab.join("registry/home");
        let stand_ins = [
            ("sudo", "exec \"$@\"\n".to_owned()),
            // There is no daemon that would have to read its files again.
            ("systemctl", "test \"$*\" = 'restart docker'\n".to_owned()),
            (
                "scp",
                format!(
                    "from=${{1#*:/home/cloud_user/}}; cp -v \"{}/$from\" \"$2\"\n",
                    home.display()
                ),
            ),
        ];
        for (name, text) in stand_ins {
            let path = machine.folder.join("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    /// A terminal of the machine.
    fn terminal(&self, hub: &Hub) -> Terminal {
        let folder = self.folder.display();
        // What is written to /etc stays in the machine's folder.
        let enter = format!(
            "mount -t overlay overlay -o lowerdir=/etc,upperdir={folder}/etc,workdir={folder}/work /etc && \
             rm -rf /etc/docker && mkdir /etc/docker && cp {} /etc/hosts && cd {folder}/home && exec bash --norc --noediting",
            hub.hosts().display()
        );
        let variables = [
            ("HOME", self.folder.join("home").display().to_string()),
            ("LAYERLAB_ROOT", self.folder.join("root").display().to_string()),
            ("SSL_CERT_FILE", hub.authority().display().to_string()),
            (
                "PATH",
                format!("{folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ),
        ];
        Terminal::open(&["unshare", "--mount", "sh", "-c", &enter], &variables)
    }
}

#[test]
fn every_command_of_the_course_works_on_a_machine() {
    if let Some(lab) = std::env::var_os(INSIDE) {
        return take_the_course(Path::new(&lab));
    }
    let lab = std::env::temp_dir().join(format!("layerlab-course-{}", std::process::id()));
    fs::create_dir_all(&lab).unwrap();
    // Whatever was started in there ends with the first process of the namespace.
    let status = Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
        ])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "every_command_of_the_course_works_on_a_machine",
            "--nocapture",
        ])
        .env(INSIDE, &lab)
        .status()
        .expect("unshare; it is part of Debian's util-linux");
    fs::remove_dir_all(&lab).unwrap();
    assert!(status.success(), "see above");
}

fn take_the_course(lab: &Path) {
    let hub = Hub::open(lab);
    let machines = HOSTS.map(|name| Machine::new(lab, name));
    let project = machines[0].folder.join("home/project");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/examples/course-nginx");
    fs::create_dir(&project).unwrap();
    for file in ["Dockerfile", "index.html", "style.css"] {
        fs::copy(example.join(file), project.join(file)).unwrap();
    }
    let mut terminals = machines.each_ref().map(|machine| machine.terminal(&hub));
    let steps = steps(SCRIPT);
    let mut wrong = String::new();
    for step in &steps {
        let terminal = &mut terminals[step.host];
        let (mut said, mut exit) = terminal.type_line(&step.line, &step.answers);
        for _ in 0..LOOKS {
            if !is_look(&step.line) || judge(step, &said, exit).is_none() {
                break;
            }
            std::thread::sleep(PAUSE);
            (said, exit) = terminal.type_line(&step.line, &step.answers);
        }
        if let Some(problem) = judge(step, &said, exit) {
            let (line, host) = (&step.line, HOSTS[step.host]);
            write!(wrong, "line {}: {host} $ {line}: {problem} in\n{said}\n", step.number).expect("a text");
        }
    }
    assert!(steps.len() > 80, "the script has {} steps", steps.len());
    assert!(wrong.is_empty(), "{wrong}");
}
