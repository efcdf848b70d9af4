//! A host's terminal: what it has said, the line that is typed below it, and the editor that `vi` opens over it.

use std::rc::Rc;

use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::{Act, Shared, key_bar::KeyBar, overlay::Overlay, rows::Rows, typing::Typing};
use crate::{
    browser,
    model::{Action, Machines, Terminal},
};

#[derive(Properties, PartialEq)]
pub(super) struct ConsoleProps {
    pub(super) model: Shared,
    pub(super) act: Act,
}

/// The terminal of the host that is shown, or why there is none.
#[component]
pub(super) fn Console(props: &ConsoleProps) -> Html {
    let machines = &props.model.machines;
    let Some((terminal, host)) = machines.terminal().zip(machines.shown()) else {
        return html! { <div class="empty"><p>{ absent(machines) }</p></div> };
    };
    html! {
        <div class="console" key={machines.host}>
            <Screen terminal={terminal.clone()} host={machines.host} name={host.name.clone()} act={props.act.clone()} />
            <KeyBar host={machines.host} line={terminal.line.clone()} act={props.act.clone()} />
            if let Some(editing) = &terminal.editing {
                <Overlay editing={editing.clone()}
                    on_leave={let host = machines.host; props.act.reform(move |text| Action::LeaveEditor(host, text))} />
            }
        </div>
    }
}

fn absent(machines: &Machines) -> String {
    match &machines.refused {
        Some(why) => format!("There is no terminal: {why}."),
        None => "A shell on each simulated machine: it comes with the engine.".to_owned(),
    }
}

#[derive(Properties, PartialEq)]
struct ScreenProps {
    terminal: Rc<Terminal>,
    host: usize,
    name: String,
    act: Act,
}

/// Follows the end unless one has scrolled up. A click that selects nothing goes to the line.
#[component]
fn Screen(props: &ScreenProps) -> Html {
    let screen = use_node_ref();
    let follows = use_mut_ref(|| true);
    {
        let (screen, follows) = (screen.clone(), follows.clone());
        use_effect_with(props.terminal.clone(), move |_| {
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
    let to_line = {
        let screen = screen.clone();
        move || {
            let field = screen
                .cast::<Element>()
                .and_then(|screen| screen.query_selector("input").ok().flatten());
            if let Some(field) = field {
                // A field that cannot take the focus leaves it where it was.
                _ = wasm_bindgen::JsCast::unchecked_into::<HtmlElement>(field).focus();
            }
        }
    };
    let clicked = {
        let to_line = to_line.clone();
        Callback::from(move |_: MouseEvent| {
            if !browser::is_text_selected() {
                to_line();
            }
        })
    };
    // Who has selected text and types on does not have to click first: what is typed goes to the line.
    let place = screen.clone();
    let typed = Callback::from(move |event: KeyboardEvent| {
        let is_paste = (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("v");
        let is_character = event.key().chars().count() == 1 && !event.ctrl_key() && !event.meta_key();
        let is_here = event.target_dyn_into::<Element>() == place.cast::<Element>();
        if is_here && (is_paste || is_character) {
            to_line();
        }
    });
    html! {
        <div class="screen" ref={screen} onscroll={scrolled} onclick={clicked} onkeydown={typed} tabindex="-1">
            <div class="said-lines" role="log" aria-label={format!("What {} has said", props.name)}>
                for chunk in props.terminal.screen.chunks.iter() {
                    <Rows key={chunk.number} chunk={chunk.clone()} />
                }
            </div>
            <Typing terminal={props.terminal.clone()} host={props.host} name={props.name.clone()} act={props.act.clone()} />
        </div>
    }
}
