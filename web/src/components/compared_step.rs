//! One step of preview and reality.

use messages::{BuiltStep, ComparedStep, ExpectedStep};
use yew::prelude::*;

use super::Act;
use crate::{model::Action, words};

/// Sign and words of a verdict: no colour is needed to tell them apart.
fn verdict(verdict: &str) -> (&'static str, &'static str) {
    match verdict {
        "same" => ("=", "same layer"),
        "different" => ("≠", "different"),
        "not-known-before" => ("+", "not known before"),
        "not-reached" => ("–", "not reached"),
        _ => ("?", "unknown"),
    }
}

/// One step: its instruction, what was expected, what came, and how both compare.
pub(super) fn row(step: &ComparedStep, act: &Act) -> Html {
    let (sign, word) = verdict(&step.verdict);
    let line = step.line;
    let stage = if step.stage.is_empty() {
        String::new()
    } else {
        format!(" · {}", step.stage)
    };
    html! {
        <li class={classes!("compared-step", step.verdict.clone())} data-verdict={step.verdict.clone()}>
            <p class="what">
                <button class="link where" onclick={act.reform(move |_: MouseEvent| Action::SelectLine(line))}>{ format!("Line {line}") }</button>
                <span class="note">{ stage }</span>
                <code>{ step.step.lines().next().unwrap_or_default() }</code>
            </p>
            <dl>
                <div><dt>{ "Expected" }</dt><dd>{ expected(&step.expected) }</dd></div>
                <div><dt>{ "Came" }</dt><dd>{ built(step.built.as_ref()) }</dd></div>
                <div><dt>{ "Verdict" }</dt><dd><b class="verdict"><span aria-hidden="true">{ sign }{ " " }</span>{ word }</b>
                    if !step.remark.is_empty() { <span class="note">{ short(&step.remark) }</span> }</dd></div>
            </dl>
        </li>
    }
}

fn expected(step: &ExpectedStep) -> Html {
    let state = match step.state.as_str() {
        "cached" => "from the cache",
        "runs" => "runs",
        "depends" => "depends on a step before",
        "fails" => "fails",
        other => other,
    };
    facts(state, step.bytes, step.diff_id.as_deref(), None, step.reason.as_deref())
}

fn built(step: Option<&BuiltStep>) -> Html {
    let Some(step) = step else {
        return html! { <span>{ "not reached" }</span> };
    };
    let state = if step.cached { "from the cache" } else { "ran" };
    let millis = (!step.cached).then_some(step.millis);
    facts(
        state,
        step.bytes,
        step.diff_id.as_deref(),
        millis,
        step.reason.as_deref(),
    )
}

fn facts(state: &str, bytes: Option<u64>, diff_id: Option<&str>, millis: Option<u64>, reason: Option<&str>) -> Html {
    let figures: Vec<String> = bytes
        .map(words::bytes)
        .into_iter()
        .chain(millis.map(words::millis))
        .collect();
    html! {
        <>
            <b>{ state }</b>
            if !figures.is_empty() { <span>{ format!(" · {}", figures.join(" · ")) }</span> }
            if let Some(diff_id) = diff_id { <span class="id">{ "DiffID " }<code title={diff_id.to_owned()}>{ words::short_digest(diff_id) }</code></span> }
            if let Some(reason) = reason { <span class="note">{ short(reason) }</span> }
        </>
    }
}

/// A remark with its digests cut, as everywhere in the page.
fn short(remark: &str) -> String {
    let cut = |word: &str| {
        let bare = word.trim_end_matches([',', '.', ':', ';']);
        word.replacen(bare, words::short_digest(bare), 1)
    };
    words::sentence(&remark.split(' ').map(cut).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_in_a_remark_are_cut() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        assert_eq!(
            short(&format!("expected layer {digest}, found none")),
            "Expected layer 0123456789ab, found none."
        );
    }
}
