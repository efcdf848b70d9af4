//! A plus sign that becomes a field for a new file's path.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::Act;
use crate::model::Action;

#[derive(Properties, PartialEq)]
pub(crate) struct NewFileProps {
    pub(crate) act: Act,
}

/// Adds a file to the context.
#[component]
pub(crate) fn NewFile(props: &NewFileProps) -> Html {
    let asking = use_state(|| false);
    let field = use_node_ref();
    {
        let field = field.clone();
        use_effect_with(*asking, move |asking| {
            if *asking && let Some(field) = field.cast::<HtmlInputElement>() {
                // The field was just drawn and can take the focus.
                _ = field.focus();
            }
        });
    }
    let open = {
        let asking = asking.clone();
        Callback::from(move |_: MouseEvent| asking.set(true))
    };
    let close = {
        let asking = asking.clone();
        Callback::from(move |_: FocusEvent| asking.set(false))
    };
    let key = {
        let (asking, act, field) = (asking.clone(), props.act.clone(), field.clone());
        Callback::from(move |event: KeyboardEvent| {
            let Some(field) = field.cast::<HtmlInputElement>() else {
                return;
            };
            match event.key().as_str() {
                "Enter" if !event.ctrl_key() && !event.meta_key() => {
                    event.prevent_default();
                    if !field.value().trim().is_empty() {
                        act.emit(Action::AddFile(field.value()));
                    }
                    asking.set(false);
                }
                "Escape" => asking.set(false),
                _ => {}
            }
        })
    };
    if *asking {
        html! {
            <input class="new-file" ref={field} aria-label="Path of the new file" placeholder="src/main.go, then Enter"
                onblur={close} onkeydown={key} spellcheck="false" autocapitalize="off" />
        }
    } else {
        html! { <button class="tab add" aria-label="Add a file" title="Add a file" onclick={open}>{ "+" }</button> }
    }
}
