//! Preview against reality: what was expected of each step, and what came.

use crate::excerpt::printable;
use crate::progress::{Printer, Took};
use crate::session::Session;
use crate::walk::Walked;
use builder::{Expected, Prediction, Tools};
use engine::Prepared;
use oci::DiffId;
use serde::Serialize;
use std::time::Instant;
use store::Time;

/// What is expected of each step, before the first.
pub struct Expectations {
    predictions: Vec<Prediction>,
    millis: u64,
}

/// A build beside what was expected of it. As JSON this is the format of `--preview-report`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Of this format.
    pub version: u32,
    /// The image ID; `None` if the build failed.
    pub image_id: Option<String>,
    /// The steps in the order in which they were done.
    pub steps: Vec<StepRow>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRow {
    /// The stage's name; empty if there is one stage only.
    pub stage: String,
    /// Its first line, from 1.
    pub line: usize,
    /// The instruction.
    pub step: String,
    /// What was expected.
    pub expected: ExpectedRow,
    /// What came; `None` if it was not reached.
    pub built: Option<BuiltRow>,
    /// How both compare.
    pub verdict: Verdict,
    /// The verdict in words.
    pub remark: String,
}

/// What was expected of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedRow {
    /// `cached`, `runs`, `depends` or `fails`.
    pub state: &'static str,
    /// Why it is not from the cache.
    pub reason: Option<String>,
    /// Bytes of its layer's files, where the cache knows them.
    pub bytes: Option<u64>,
    /// Its layer, where the cache knows it.
    pub diff_id: Option<String>,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuiltRow {
    /// Whether it was taken from the cache.
    pub cached: bool,
    /// Why it was not.
    pub reason: Option<String>,
    /// Bytes of its layer's files; `None` if it makes no layer.
    pub bytes: Option<u64>,
    /// Its layer.
    pub diff_id: Option<String>,
    /// How long it took.
    pub millis: u64,
}

/// How a step and what was expected of it compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The layer that was expected.
    Same,
    /// As expected; what it would make was not known before it ran.
    NotKnownBefore,
    /// Otherwise than expected.
    Different,
    /// It was not done.
    NotReached,
}

/// Of the format; another number means that names or meanings have changed.
const VERSION: u32 = 1;

impl Expectations {
    /// What the cache says of every step. Nothing is run.
    pub fn of(prepared: &Prepared, session: &mut Session, now: Time) -> Expectations {
        let begun = Instant::now();
        let mut tools = Tools {
            now,
            cache: &mut session.cache,
            blobs: &mut session.blobs,
            executor: None,
        };
        let predictions = prepared.build.predict(&mut tools);
        Expectations {
            predictions,
            millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Says what is expected.
    pub fn print(&self, printer: &mut Printer<'_>) {
        let total = self.predictions.len();
        if total == 0 {
            return;
        }
        let is_cached = |prediction: &&Prediction| matches!(prediction.expected, Expected::Cached);
        let cached = self.predictions.iter().filter(is_cached).count();
        printer.begin("[internal] preview");
        printer.note(&format!("{cached} of {total} steps come from the cache"));
        // What follows the first that runs says no more than that it does.
        if let Some(first) = self.predictions.iter().find(|prediction| !is_cached(prediction)) {
            let row = expected_row(first);
            printer.note(&format!(
                "the first that does not {}: {}",
                row.state,
                row.reason.unwrap_or_default()
            ));
        }
        printer.done(Took::Real(self.millis));
    }

    /// Puts what came beside it; `None` if the build failed.
    pub fn compare(&self, prepared: &Prepared, walked: Option<&Walked>) -> Comparison {
        let steps = self.predictions.iter().enumerate().map(|(index, prediction)| {
            let step = &prepared.plan.steps[prediction.step];
            let done = walked.and_then(|walked| walked.steps.get(index));
            let built = done.map(|done| BuiltRow {
                cached: done.report.is_cached(),
                reason: done.report.miss.as_ref().map(|miss| miss.reason.clone()),
                bytes: done.report.layer.as_ref().map(store::Layer::bytes),
                diff_id: done.report.layer.as_ref().map(|layer| layer.diff_id.to_string()),
                millis: done.millis,
            });
            let expected = expected_row(prediction);
            let (verdict, remark) = verdict(&expected, built.as_ref());
            StepRow {
                stage: prepared.plan.stages[step.stage].label.clone(),
                line: step.lines.0,
                step: step.text.clone(),
                expected,
                built,
                verdict,
                remark,
            }
        });
        Comparison {
            version: VERSION,
            image_id: walked.map(|walked| walked.built.image.id().to_string()),
            steps: steps.collect(),
        }
    }
}

impl Comparison {
    /// A line for each step that came otherwise than expected.
    pub fn surprises(&self) -> Vec<String> {
        let line = |step: &StepRow| {
            let text = printable(step.step.lines().next().unwrap_or_default());
            format!("otherwise than expected: line {}: {}: {text}", step.line, step.remark)
        };
        let different = self.steps.iter().filter(|step| step.verdict == Verdict::Different);
        different.map(line).collect()
    }

    /// As JSON, indented.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("texts and numbers have a JSON form");
        text.push('\n');
        text
    }
}

fn expected_row(prediction: &Prediction) -> ExpectedRow {
    let (state, reason) = match &prediction.expected {
        Expected::Cached => ("cached", None),
        Expected::Runs(miss) => ("runs", Some(miss.reason.clone())),
        Expected::Depends(miss) => ("depends", Some(miss.reason.clone())),
        Expected::Fails(error) => ("fails", Some(error.to_string())),
    };
    ExpectedRow {
        state,
        reason,
        bytes: prediction.bytes,
        diff_id: prediction.diff_id.as_ref().map(DiffId::to_string),
    }
}

fn verdict(expected: &ExpectedRow, built: Option<&BuiltRow>) -> (Verdict, String) {
    let Some(built) = built else {
        return (Verdict::NotReached, "it was not done".to_owned());
    };
    match (expected.state, built.cached) {
        ("cached", true) if expected.diff_id == built.diff_id => {
            (Verdict::Same, "from the cache, the same layer".to_owned())
        }
        ("cached", true) => {
            let layer = |row: &Option<String>| row.clone().unwrap_or_else(|| "no layer".to_owned());
            let (then, now) = (layer(&expected.diff_id), layer(&built.diff_id));
            (Verdict::Different, format!("expected layer {then}, found {now}"))
        }
        ("cached", false) => {
            let reason = built.reason.as_deref().unwrap_or("of no known reason");
            (
                Verdict::Different,
                format!("expected from the cache, but it ran: {reason}"),
            )
        }
        ("runs", true) => (Verdict::Different, "expected to run, but the cache had it".to_owned()),
        ("fails", _) => (Verdict::Different, "expected to fail, but it did not".to_owned()),
        (_, true) => (
            Verdict::NotKnownBefore,
            "from the cache, once what it depends on was made".to_owned(),
        ),
        (_, false) => (
            Verdict::NotKnownBefore,
            "it ran; no layer is known before that".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(state: &'static str, diff_id: Option<&str>) -> ExpectedRow {
        ExpectedRow {
            state,
            reason: None,
            bytes: None,
            diff_id: diff_id.map(str::to_owned),
        }
    }

    fn built(cached: bool, diff_id: &str) -> BuiltRow {
        BuiltRow {
            cached,
            reason: (!cached).then(|| "a.txt changed".to_owned()),
            bytes: Some(1),
            diff_id: Some(diff_id.to_owned()),
            millis: 1,
        }
    }

    #[test]
    fn a_step_is_as_expected_or_it_says_what_is_otherwise() {
        let check = |expected: ExpectedRow, built: Option<BuiltRow>| verdict(&expected, built.as_ref());
        let cached = || expected("cached", Some("sha256:a"));
        assert_eq!(check(cached(), Some(built(true, "sha256:a"))).0, Verdict::Same);
        let (kind, remark) = check(cached(), Some(built(true, "sha256:b")));
        assert_eq!(
            (kind, remark.as_str()),
            (Verdict::Different, "expected layer sha256:a, found sha256:b")
        );
        let (kind, remark) = check(cached(), Some(built(false, "sha256:a")));
        assert_eq!(kind, Verdict::Different);
        assert!(remark.ends_with("it ran: a.txt changed"), "{remark}");
        assert_eq!(
            check(expected("runs", None), Some(built(false, "sha256:a"))).0,
            Verdict::NotKnownBefore
        );
        assert_eq!(
            check(expected("depends", None), Some(built(true, "sha256:a"))).0,
            Verdict::NotKnownBefore
        );
        assert_eq!(check(expected("runs", None), None).0, Verdict::NotReached);
    }
}
