//! The course's commands, all of them and in its order, typed at the machines; the same script that the browser types into the page.
#![cfg(not(target_arch = "wasm32"))]

use messages::{Answer, Ask, FileInput, TerminalView};
use simulator::Simulator;
use std::fmt::Write;
use store::Time;
use workbench::Workbench;

const SCRIPT: &str = include_str!("../fixtures/course.terminal");
const HOSTS: [&str; 2] = ["workstation", "registry"];

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
            ("|" | "~", rest) => step.expected.push(rest[1..].to_owned()),
            // Only on a real machine.
            ("+", _) => {}
            ("!", rest) => step.unwanted.push(rest[1..].to_owned()),
            ("=", rest) => step.exit = rest.trim().parse().expect("an exit code"),
            _ => panic!("line {}: expected a step, found {line:?}", index + 1),
        }
    }
    steps
}

/// What is wrong with what a step said; nothing if it is as expected.
fn judge(step: &Step, said: &str) -> Option<String> {
    let mut rest = said;
    for wanted in &step.expected {
        match rest.find(wanted.as_str()) {
            Some(at) => rest = &rest[at + wanted.len()..],
            None => return Some(format!("expected {wanted:?}")),
        }
    }
    let unwanted = step.unwanted.iter().find(|text| said.contains(text.as_str()));
    unwanted.map(|text| format!("did not expect {text:?}"))
}

struct Page {
    bench: Workbench,
    shell: Simulator,
    now: Time,
}

impl Page {
    fn new() -> Page {
        let now = Time::of_secs(1_700_000_000);
        let mut page = Page {
            bench: Workbench::new(now),
            shell: Simulator::new(),
            now,
        };
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/examples/course-nginx/");
        let file = |name: &str| FileInput {
            path: name.to_owned(),
            mode: 0o644,
            bytes: std::fs::read(format!("{root}{name}")).expect("the example's file"),
        };
        let files = ["Dockerfile", "index.html", "style.css"].map(file).to_vec();
        page.bench.handle(Ask::Open { files }, now);
        page
    }

    /// Types a line; returns what is said and what the terminal waits for then.
    fn give(&mut self, host: usize, line: &str) -> (String, TerminalView) {
        self.now.secs += 1;
        let ask = Ask::Type {
            host,
            input: messages::Input::Line(line.to_owned()),
        };
        let answers = self.bench.drive(ask, self.now, &mut self.shell);
        let mut said = String::new();
        let mut last = TerminalView::default();
        for answer in answers {
            if let Answer::Terminal(view) = answer {
                said.push_str(&view.text);
                last = view;
            }
        }
        (said, last)
    }
}

#[test]
fn every_command_of_the_course_works_at_the_machines() {
    let mut page = Page::new();
    let mut wrong = String::new();
    let steps = steps(SCRIPT);
    for step in &steps {
        let (mut said, mut last) = page.give(step.host, &step.line);
        for answer in &step.answers {
            if let messages::Wants::Line { prompt, .. } = &last.wants {
                said.push_str(prompt);
            }
            let (more, view) = page.give(step.host, answer);
            said.push_str(&more);
            last = view;
        }
        let is_back = matches!(last.wants, messages::Wants::Prompt(_));
        let (code, _) = page.give(step.host, "echo \"exit $?\"");
        let problem = judge(step, &said)
            .or_else(|| (!is_back).then(|| format!("expected a prompt, found {:?}", last.wants)))
            .or_else(|| {
                let exit = format!("exit {}\n", step.exit);
                (code != exit).then(|| format!("expected {exit:?}, found {code:?}"))
            });
        if let Some(problem) = problem {
            let _ = writeln!(
                wrong,
                "line {}: {} $ {}: {problem} in\n{said}",
                step.number, HOSTS[step.host], step.line
            );
        }
    }
    assert!(steps.len() > 80, "the script has {} steps", steps.len());
    assert!(wrong.is_empty(), "{wrong}");
}
