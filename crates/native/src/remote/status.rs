//! What a worker says of its steps, printed as a build on this machine is: one step after the other, each whole.
//!
//! Steps run side by side there. One is shown as it goes on, the others are kept until it is done.

use crate::progress::{Printer, Took};
use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex};
use std::collections::BTreeMap;

/// The steps of a build on a worker.
#[derive(Debug, Default)]
pub(super) struct Steps {
    by_digest: BTreeMap<String, Step>,
    /// In the order in which they began.
    begun: Vec<String>,
    /// Which of them is shown now.
    shown: Option<String>,
}

/// What became of a step, for those who ask when all is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// As the worker calls it: `[build 2/3] RUN make`.
    pub(super) name: String,
    /// Whether the worker had its result.
    pub(super) cached: bool,
}

#[derive(Debug, Default)]
struct Step {
    name: String,
    started: Option<f64>,
    completed: Option<f64>,
    cached: bool,
    error: String,
    /// Not printed yet: seconds since the step began, and text.
    log: Vec<(f64, String)>,
    notes: Vec<String>,
    /// Names of what was noted as done.
    noted: Vec<String>,
    is_done: bool,
}

impl Steps {
    /// Takes in what the worker says, and prints what can be.
    pub(super) fn update(&mut self, status: StatusResponse, printer: &mut Printer<'_>) {
        for vertex in status.vertexes {
            self.vertex(vertex);
        }
        for status in status.statuses {
            let name = status.id;
            if let Some(step) = self.by_digest.get_mut(&status.vertex)
                && status.completed.is_some()
                && !step.noted.contains(&name)
            {
                let bytes = match status.current {
                    0 => String::new(),
                    bytes => format!(": {}", crate::units::size(u64::try_from(bytes).unwrap_or(0))),
                };
                step.notes.push(format!("{}{bytes} done", name.trim_end_matches(':')));
                step.noted.push(name);
            }
        }
        for log in status.logs {
            if let Some(step) = self.by_digest.get_mut(&log.vertex) {
                let since = log.timestamp.as_ref().map_or(0.0, seconds) - step.started.unwrap_or_default();
                step.log
                    .push((since.max(0.0), String::from_utf8_lossy(&log.msg).into_owned()));
            }
        }
        self.print(printer);
    }

    /// Prints what is left when the build has ended.
    pub(super) fn finish(&mut self, printer: &mut Printer<'_>) {
        for step in self.by_digest.values_mut().filter(|step| step.completed.is_none()) {
            step.completed = step.started;
            if step.error.is_empty() {
                "context canceled".clone_into(&mut step.error);
            }
        }
        self.print(printer);
        if let Some(shown) = self.shown.take() {
            self.close(&shown, printer);
        }
    }

    /// The steps of the Dockerfile in the order in which they began; what the worker does beside them is left out.
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let steps = self.begun.iter().map(|digest| &self.by_digest[digest]);
        let own = steps.filter(|step| step.name.starts_with('[') && !step.name.starts_with("[internal]"));
        own.map(|step| Outcome {
            name: step.name.clone(),
            cached: step.cached,
        })
        .collect()
    }

    /// The name of the step that failed: the first, as others were broken off because of it.
    pub(super) fn failed(&self) -> Option<&str> {
        let mut steps = self.begun.iter().map(|digest| &self.by_digest[digest]);
        let failed = steps.find(|step| !step.error.is_empty() && !step.error.contains("context canceled"));
        failed.map(|step| step.name.as_str())
    }

    fn vertex(&mut self, vertex: Vertex) {
        let step = self.by_digest.entry(vertex.digest.clone()).or_default();
        step.name = vertex.name;
        step.cached = vertex.cached;
        if !vertex.error.is_empty() {
            step.error = vertex.error;
        }
        if let Some(started) = &vertex.started {
            // A worker looks at a step before it does it, and begins it anew then.
            step.started.get_or_insert(seconds(started));
            step.completed = vertex.completed.as_ref().map(seconds);
            if !self.begun.contains(&vertex.digest) {
                self.begun.push(vertex.digest);
            }
        }
    }

    fn print(&mut self, printer: &mut Printer<'_>) {
        loop {
            if let Some(shown) = self.shown.clone() {
                let step = self.by_digest.get_mut(&shown).expect("what is shown was begun");
                step.say(printer);
                // A step that is done may begin anew: it is closed only when another one wants to be seen.
                if step.completed.is_none() || self.next().is_none() {
                    return;
                }
                self.shown = None;
                self.close(&shown, printer);
            }
            let Some(next) = self.next() else { return };
            printer.begin(&self.by_digest[&next].name);
            self.shown = Some(next);
        }
    }

    /// The step that is to be shown after the one that is: the first that began, was not shown, or has something new to say.
    fn next(&self) -> Option<String> {
        let waits = |digest: &&String| {
            let step = &self.by_digest[*digest];
            Some(*digest) != self.shown.as_ref() && (!step.is_done || !step.log.is_empty())
        };
        self.begun.iter().find(waits).cloned()
    }

    fn close(&mut self, digest: &str, printer: &mut Printer<'_>) {
        let step = self.by_digest.get_mut(digest).expect("what is shown was begun");
        step.is_done = true;
        let millis = (step.completed.unwrap_or_default() - step.started.unwrap_or_default()) * 1000.0;
        match () {
            () if !step.error.is_empty() => printer.failed(&step.error),
            () if step.cached => printer.cached(),
            () => printer.done(Took::Real(millis.max(0.0) as u64)),
        }
    }
}

impl Step {
    fn say(&mut self, printer: &mut Printer<'_>) {
        for note in self.notes.drain(..) {
            printer.note(&note);
        }
        for (since, text) in self.log.drain(..) {
            printer.log(since, &text);
        }
    }
}

fn seconds(time: &Timestamp) -> f64 {
    time.seconds as f64 + f64::from(time.nanos) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Look;
    use bollard_buildkit_proto::moby::buildkit::v1::{VertexLog, VertexStatus};

    fn at(millis: i64) -> Timestamp {
        Timestamp {
            seconds: millis / 1000,
            nanos: (millis % 1000) as i32 * 1_000_000,
        }
    }

    fn vertex(digest: &str, from: i64, to: Option<i64>) -> StatusResponse {
        let vertex = Vertex {
            digest: digest.to_owned(),
            name: format!("[{digest}] RUN {digest}"),
            started: Some(at(from)),
            completed: to.map(at),
            ..Vertex::default()
        };
        StatusResponse {
            vertexes: vec![vertex],
            ..StatusResponse::default()
        }
    }

    fn cached(digest: &str) -> StatusResponse {
        let mut status = vertex(digest, 5, Some(5));
        status.vertexes[0].cached = true;
        status
    }

    fn log(digest: &str, millis: i64, text: &str) -> StatusResponse {
        let log = VertexLog {
            vertex: digest.to_owned(),
            timestamp: Some(at(millis)),
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        };
        StatusResponse {
            logs: vec![log],
            ..StatusResponse::default()
        }
    }

    fn printed(statuses: Vec<StatusResponse>) -> (String, Steps) {
        let (mut out, mut steps) = (Vec::new(), Steps::default());
        let mut printer = Printer::new(&mut out, Look::Plain);
        for status in statuses {
            steps.update(status, &mut printer);
        }
        steps.finish(&mut printer);
        printer.finish().unwrap();
        (String::from_utf8(out).unwrap(), steps)
    }

    #[test]
    fn steps_that_run_side_by_side_are_shown_one_after_the_other() {
        let (text, steps) = printed(vec![
            vertex("a", 1000, None),
            vertex("b", 1100, None),
            log("b", 1200, "from b\n"),
            log("a", 1250, "from a\n"),
            vertex("b", 1100, Some(1300)),
            vertex("a", 1000, Some(2000)),
            cached("c"),
        ]);
        let expected = "\
#1 [a] RUN a
#1 0.250 from a
#1 DONE 1.0s

#2 [b] RUN b
#2 0.100 from b
#2 DONE 0.2s

#3 [c] RUN c
#3 CACHED

";
        assert_eq!(text, expected);
        let cached: Vec<bool> = steps.outcomes().iter().map(|step| step.cached).collect();
        assert_eq!(cached, [false, false, true]);
    }

    #[test]
    fn a_step_that_begins_anew_is_one_step() {
        let (text, _) = printed(vec![
            vertex("a", 1000, Some(1001)),
            vertex("a", 1500, None),
            log("a", 1600, "late\n"),
            vertex("a", 1500, Some(2000)),
        ]);
        assert_eq!(text, "#1 [a] RUN a\n#1 0.600 late\n#1 DONE 1.0s\n\n");
    }

    #[test]
    fn a_step_that_fails_says_so_and_one_that_was_broken_off_as_well() {
        let mut failed = vertex("a", 0, Some(10));
        failed.vertexes[0].error = "exit code: 3".to_owned();
        let (text, _) = printed(vec![failed, vertex("b", 0, None)]);
        assert!(text.contains("#1 ERROR: exit code: 3\n"), "{text}");
        assert!(text.contains("#2 ERROR: context canceled\n"), "{text}");
    }

    #[test]
    fn what_was_transferred_is_noted_once() {
        let status = VertexStatus {
            vertex: "a".to_owned(),
            id: "transferring context:".to_owned(),
            current: 2048,
            completed: Some(at(5)),
            ..VertexStatus::default()
        };
        let noted = StatusResponse {
            statuses: vec![status.clone(), status],
            ..StatusResponse::default()
        };
        let (text, _) = printed(vec![vertex("a", 0, None), noted, vertex("a", 0, Some(5))]);
        assert_eq!(text.matches("transferring context: 2.05kB done").count(), 1, "{text}");
    }
}
