//! Errors, build checks and advice, each with its mend where there is one.

use messages::Problem;
use yew::prelude::*;

use super::{Act, Shared};
use crate::model::Action;

/// The most findings that are drawn.
const MOST: usize = 60;

#[derive(Properties, PartialEq)]
pub(crate) struct ProblemsProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// A list in the order of lines.
#[component]
pub(crate) fn Problems(props: &ProblemsProps) -> Html {
    let problems = props.model.problems();
    if problems.is_empty() {
        return html! {};
    }
    let more = problems.len().saturating_sub(MOST);
    html! {
        <section class="problems" aria-labelledby="problems-title">
            <h3 id="problems-title" class="sub">{ title(&problems) }</h3>
            <ul>
                for (index, problem) in problems.into_iter().take(MOST).enumerate() {
                    <Finding key={index} {problem} act={props.act.clone()} />
                }
            </ul>
            if more > 0 { <p class="note">{ format!("and {more} more") }</p> }
        </section>
    }
}

fn title(problems: &[Problem]) -> String {
    let kinds = [
        ("error", "error", "errors"),
        ("warning", "warning", "warnings"),
        ("advice", "piece of advice", "pieces of advice"),
    ];
    let parts = kinds.iter().filter_map(|(severity, one, many)| {
        let n = problems.iter().filter(|problem| problem.severity == *severity).count();
        (n > 0).then(|| crate::words::count(n, one, many))
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[derive(Properties, PartialEq)]
struct FindingProps {
    problem: Problem,
    act: Act,
}

#[component]
fn Finding(props: &FindingProps) -> Html {
    let problem = &props.problem;
    let sign = match problem.severity.as_str() {
        "error" => "✕",
        "warning" => "!",
        _ => "i",
    };
    let fix = {
        let problem = problem.clone();
        props.act.reform(move |_: MouseEvent| Action::Fix(problem.clone()))
    };
    html! {
        <li class={classes!("finding", problem.severity.clone())} data-code={problem.code.clone()}>
            <span class="sign" aria-hidden="true">{ sign }</span>
            <div>
                <p>
                    if let Some(line) = problem.line {
                        <button class="link where" onclick={props.act.reform(move |_: MouseEvent| Action::SelectLine(line))}>{ format!("Line {line}") }</button>
                    }
                    <span class="vh">{ format!("{}: ", problem.severity) }</span>
                    { &problem.message }
                    <code class="note">{ &problem.code }</code>
                </p>
                for hint in &problem.hints {
                    <p class="hint">{ hint }</p>
                }
            </div>
            if let Some((title, _)) = &problem.fix {
                <button class="quiet fix" onclick={fix} title={title.clone()} aria-label={format!("Fix it: {title}")}>{ "Fix it" }</button>
            }
        </li>
    }
}
