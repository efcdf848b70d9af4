//! The editor that `vi` and `nano` open over the terminal.

use std::rc::Rc;

use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use crate::model::Editing;

#[derive(Properties, PartialEq)]
pub(super) struct OverlayProps {
    pub(super) editing: Rc<Editing>,
    /// With the text if it is to be written.
    pub(super) on_leave: Callback<Option<String>>,
}

/// The file's text; Ctrl-S writes it and leaves, Escape leaves if nothing has changed.
#[component]
pub(super) fn Overlay(props: &OverlayProps) -> Html {
    let area = use_node_ref();
    let warned = use_state(|| false);
    {
        let area = area.clone();
        use_effect_with(props.editing.clone(), move |editing| {
            if let Some(area) = area.cast::<HtmlTextAreaElement>() {
                area.set_value(&editing.text);
                // Neither fails for a text area that is there.
                _ = area.set_selection_range(0, 0);
                _ = area.focus();
            }
        });
    }
    let text = {
        let area = area.clone();
        move || area.cast::<HtmlTextAreaElement>().map(|area| area.value())
    };
    let save = {
        let (leave, text) = (props.on_leave.clone(), text.clone());
        move || {
            if let Some(text) = text() {
                leave.emit(Some(text));
            }
        }
    };
    let key = {
        let (save, leave, editing, warned) = (
            save.clone(),
            props.on_leave.clone(),
            props.editing.clone(),
            warned.clone(),
        );
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "s" | "S" if event.ctrl_key() || event.meta_key() => {
                event.prevent_default();
                save();
            }
            // Who types Escape out of habit must not lose what was written.
            "Escape" if text().is_some_and(|text| text != editing.text) => warned.set(true),
            "Escape" => leave.emit(None),
            _ => {}
        })
    };
    let path = &props.editing.path;
    html! {
        <div class="over" role="dialog" aria-label={format!("Editor: {path}")} onkeydown={key}>
            <header>
                <b>{ path }</b>
                <span class="note grow" role="status">{ if *warned { "Changed: save it, or leave without." } else { "" } }</span>
                <button class="quiet" id="save-and-leave" onclick={Callback::from(move |_: MouseEvent| save())} aria-keyshortcuts="Control+S">{ "Save and leave" }</button>
                <button class="quiet" id="leave" onclick={props.on_leave.reform(|_: MouseEvent| None)}>{ "Leave" }</button>
            </header>
            <textarea ref={area} aria-label={format!("Text of {path}")} spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off" />
        </div>
    }
}
