//! The bar at the top: examples, sharing, theme, and the build itself.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::{Act, Shared, native_button::NativeButton};
use crate::{
    browser::Theme,
    examples::EXAMPLES,
    model::{Action, Build},
};

#[derive(Properties, PartialEq)]
pub(crate) struct HeaderProps {
    pub(crate) model: Shared,
    pub(crate) theme: Theme,
    pub(crate) act: Act,
    pub(crate) on_theme: Callback<Theme>,
    pub(crate) on_share: Callback<()>,
}

/// Name, examples, share, theme, Build or Cancel.
#[component]
pub(crate) fn Header(props: &HeaderProps) -> Html {
    let act = props.act.clone();
    let choose = Callback::from(move |event: Event| {
        let select: HtmlSelectElement = event.target_unchecked_into();
        if let Some(example) = EXAMPLES.iter().find(|example| example.id == select.value()) {
            let said = format!("{}. {}", example.title, example.about);
            act.emit(Action::Replace(example.project(), said));
        }
        // It is a menu of what can be opened, not the state of the page.
        select.set_selected_index(0);
    });
    let theme = props.theme;
    let turn = props.on_theme.reform(move |_| theme.next());
    let theme_label = format!("Theme: {}. Change to {}", theme.name(), theme.next().name());
    html! {
        <header class="bar">
            <h1 class="brand"><Logo />{ "Layerlab" }</h1>
            <p class="said" role="status" id="status">{ &*props.model.status }</p>
            <label class="field example">
                <span class="label">{ "Example" }</span>
                <select id="example" onchange={choose}>
                    <option value="" selected=true>{ "Open an example …" }</option>
                    for example in &EXAMPLES {
                        <option value={example.id} title={example.about}>{ example.title }</option>
                    }
                </select>
            </label>
            <button class="quiet share" onclick={props.on_share.reform(|_| ())} title="Copy a link that holds the whole project">{ "Share" }</button>
            <button class="quiet icon theme" aria-label={theme_label.clone()} title={theme_label} onclick={turn}>
                <ThemeSign {theme} />
            </button>
            <NativeButton model={props.model.clone()} act={props.act.clone()} />
            <BuildButton model={props.model.clone()} act={props.act.clone()} />
        </header>
    }
}

#[derive(Properties, PartialEq)]
struct ButtonProps {
    model: Shared,
    act: Act,
}

#[component]
fn BuildButton(props: &ButtonProps) -> Html {
    let emit = |action: Action| props.act.reform(move |_: MouseEvent| action.clone());
    match &props.model.build {
        Build::Running { stopping, .. } => html! {
            <button id="build" class="primary stop" onclick={emit(Action::Cancel)} disabled={*stopping}>
                { if *stopping { "Stopping …" } else { "Cancel" } }
            </button>
        },
        _ => html! {
            <button id="build" class="primary" onclick={emit(Action::Build)} disabled={!props.model.has_engine()}
                aria-keyshortcuts="Control+Enter Meta+Enter">
                { "Build" }<kbd aria-hidden="true">{ "Ctrl ⏎" }</kbd>
            </button>
        },
    }
}

#[component]
fn Logo() -> Html {
    html! {
        <svg viewBox="0 0 28 28" width="26" height="26" aria-hidden="true">
            <path d="M14 3 26 9 14 15 2 9Z" class="s3" />
            <path d="m2 14 12 6 12-6" class="s2" />
            <path d="m2 19 12 6 12-6" class="s1" />
        </svg>
    }
}

#[derive(Properties, PartialEq)]
struct SignProps {
    theme: Theme,
}

/// A disc: half for the system's choice, empty for light, full for dark.
#[component]
fn ThemeSign(props: &SignProps) -> Html {
    let fill = match props.theme {
        Theme::System => "M8 2a6 6 0 0 1 0 12Z",
        Theme::Light => "",
        Theme::Dark => "M8 2a6 6 0 0 1 0 12a6 6 0 0 1 0-12Z",
    };
    html! {
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <circle cx="8" cy="8" r="6" class="ring" />
            <path d={fill} class="disc" />
        </svg>
    }
}
