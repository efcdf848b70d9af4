//! Preview and reality side by side, a step each.

use std::rc::Rc;

use messages::Comparison;
use yew::prelude::*;

use super::{Act, compared_step::row};
use crate::words;

/// The most steps that are drawn.
const MOST: usize = 300;

#[derive(Properties, PartialEq)]
pub(super) struct ComparedProps {
    pub(super) report: Rc<Comparison>,
    /// Where it came from; empty for the last run.
    pub(super) file: Rc<str>,
    pub(super) act: Act,
}

/// The image, the sums in words, and the steps in their order.
#[component]
pub(super) fn Compared(props: &ComparedProps) -> Html {
    let report = &props.report;
    let whose = if props.file.is_empty() {
        "Preview and reality".to_owned()
    } else {
        format!("Preview and reality, from {}", props.file)
    };
    let image = report.image_id.as_deref();
    html! {
        <section class="compared" id="compared" aria-labelledby="compared-title">
            <h3 id="compared-title" class="sub">{ whose }</h3>
            <p class="sums">{ sums(report) }
                if let Some(image) = image { { " Image ID " }<code title={image.to_owned()} data-native-image={image.to_owned()}>{ words::short_digest(image) }</code>{ "." } }
            </p>
            <ol>
                for step in report.steps.iter().take(MOST) { { row(step, &props.act) } }
            </ol>
            if report.steps.len() > MOST { <p class="note">{ format!("and {} more steps", report.steps.len() - MOST) }</p> }
        </section>
    }
}

/// How many steps came as expected, in a sentence.
fn sums(report: &Comparison) -> String {
    let of = |verdict: &str| report.steps.iter().filter(|step| step.verdict == verdict).count();
    let cached = report
        .steps
        .iter()
        .filter(|step| step.built.as_ref().is_some_and(|built| built.cached))
        .count();
    let mut text = format!(
        "{}: {cached} from the cache",
        words::count(report.steps.len(), "step", "steps")
    );
    for (verdict, said) in [
        ("same", "the same layer as expected"),
        ("different", "otherwise than expected"),
        ("not-reached", "not reached"),
    ] {
        match of(verdict) {
            0 => {}
            n => text.extend([", ", &n.to_string(), " ", said]),
        }
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use messages::{BuiltStep, ComparedStep};

    use super::*;

    #[test]
    fn sums_tell_what_came_otherwise_and_leave_out_what_did_not_happen() {
        let step = |verdict: &str, cached: Option<bool>| ComparedStep {
            verdict: verdict.to_owned(),
            built: cached.map(|cached| BuiltStep {
                cached,
                ..BuiltStep::default()
            }),
            ..ComparedStep::default()
        };
        let steps = vec![
            step("same", Some(true)),
            step("different", Some(false)),
            step("not-reached", None),
        ];
        let report = Comparison {
            version: 1,
            image_id: None,
            steps,
        };
        assert_eq!(
            sums(&report),
            "3 steps: 1 from the cache, 1 the same layer as expected, 1 otherwise than expected, 1 not reached."
        );
        assert_eq!(sums(&Comparison::default()), "0 steps: 0 from the cache.");
    }
}
