//! The build's log, its progress, and why it failed.

use messages::Problem;
use web_sys::Element;
use yew::prelude::*;

use super::{Act, Shared};
use crate::model::{Action, Build};

#[derive(Properties, PartialEq)]
pub(super) struct LogProps {
    pub(super) model: Shared,
    pub(super) act: Act,
}

/// The reason if the build failed, and what BuildKit prints.
#[component]
pub(super) fn LogSide(props: &LogProps) -> Html {
    let model = &props.model;
    html! {
        <>
            if let Build::Failed(problem) = &model.build {
                <Failure problem={(**problem).clone()} act={props.act.clone()} />
            }
            if model.log.is_empty() {
                <div class="empty"><p>{ "What docker build would print stands here." }</p></div>
            } else {
                <Log model={model.clone()} />
            }
        </>
    }
}

/// How far the build is, for the room's bar.
pub(super) fn progress(build: &Build) -> Html {
    match build {
        Build::Running {
            steps: (done, total),
            doing,
            ..
        } => html! {
            <>
                <span class="doing">{ &**doing }</span>
                <span class="note">{ if *total > 0 { format!("{done} of {total} steps") } else { String::new() } }</span>
                if *total > 0 {
                    <progress max={total.to_string()} value={done.to_string()} aria-label="Steps done"></progress>
                } else {
                    <progress aria-label="Steps done"></progress>
                }
            </>
        },
        Build::Done => html! { <span class="note">{ "finished" }</span> },
        Build::Failed(_) => html! { <span class="note">{ "failed" }</span> },
        Build::Idle => html! {},
    }
}

#[derive(Properties, PartialEq)]
struct FailureProps {
    problem: Problem,
    act: Act,
}

#[component]
fn Failure(props: &FailureProps) -> Html {
    let problem = &props.problem;
    html! {
        <div class="failure" id="failure">
            <p><span class="sign error" aria-hidden="true">{ "✕" }</span>
                if let Some(line) = problem.line {
                    <button class="link where" onclick={props.act.reform(move |_: MouseEvent| Action::SelectLine(line))}>{ format!("Line {line}") }</button>
                }
                { &problem.message }
            </p>
            for hint in &problem.hints { <p class="hint">{ hint }</p> }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct LinesProps {
    model: Shared,
}

/// Follows the end unless one has scrolled up.
#[component]
fn Log(props: &LinesProps) -> Html {
    let screen = use_node_ref();
    let follows = use_mut_ref(|| true);
    {
        let (screen, follows) = (screen.clone(), follows.clone());
        use_effect_with(props.model.log.len(), move |_| {
            if let Some(screen) = screen.cast::<Element>()
                && *follows.borrow()
            {
                screen.set_scroll_top(screen.scroll_height());
            }
        });
    }
    let scrolled = {
        let screen = screen.clone();
        Callback::from(move |_: Event| {
            if let Some(screen) = screen.cast::<Element>() {
                let below = screen.scroll_height() - screen.scroll_top() - screen.client_height();
                *follows.borrow_mut() = below < 24;
            }
        })
    };
    html! {
        <pre class="screen" id="log" ref={screen} onscroll={scrolled} tabindex="0" aria-label="Build log">
            for (index, line) in props.model.log.iter().enumerate() {
                <LogLine key={index} text={line.to_string()} />
            }
        </pre>
    }
}

#[derive(Properties, PartialEq)]
struct LineProps {
    text: String,
}

#[component]
fn LogLine(props: &LineProps) -> Html {
    let text = &props.text;
    let class = if text.contains(" CACHED") || text.ends_with("CACHED") {
        "hit"
    } else if text.contains(" DONE ") {
        "dim"
    } else if text.contains("ERROR") {
        "bad"
    } else {
        ""
    };
    html! { <span {class}>{ text }{ "\n" }</span> }
}
