//! The line that is typed: the browser's own field, and what the terminal's keys mean in it.

use std::rc::Rc;

use web_sys::{ClipboardEvent, HtmlInputElement};
use yew::prelude::*;

use super::Act;
use crate::{
    browser,
    model::{Action, Edit, Key, Line, Terminal, Utf16Map},
};

#[derive(Properties, PartialEq)]
pub(super) struct TypingProps {
    pub(super) terminal: Rc<Terminal>,
    pub(super) host: usize,
    /// The host's name.
    pub(super) name: String,
    pub(super) act: Act,
}

/// The prompt, and a field that is written to only on a new revision.
#[component]
pub(super) fn Typing(props: &TypingProps) -> Html {
    let field = use_node_ref();
    // After Escape, Tab leaves the field as it does elsewhere.
    let leaves = use_mut_ref(|| false);
    {
        let (field, line) = (field.clone(), props.terminal.line.clone());
        use_effect_with((props.host, props.terminal.revision), move |_| {
            if let Some(field) = field.cast::<HtmlInputElement>() {
                write(&field, &line);
            }
        });
    }
    let host = props.host;
    let press = {
        let (act, field) = (props.act.clone(), field.clone());
        move |key: Key| {
            if let Some(field) = field.cast::<HtmlInputElement>() {
                act.emit(Action::Press(host, read(&field), key));
            }
        }
    };
    let input = {
        let press = press.clone();
        Callback::from(move |_: InputEvent| press(Key::Typed))
    };
    let paste = {
        let press = press.clone();
        Callback::from(move |event: Event| {
            let text = wasm_bindgen::JsCast::dyn_ref::<ClipboardEvent>(&event).and_then(browser::pasted);
            // A single line goes in as the browser does it.
            if let Some(text) = text.filter(|text| text.contains(['\n', '\r'])) {
                event.prevent_default();
                press(Key::Paste(text));
            }
        })
    };
    let keydown = Callback::from(move |event: KeyboardEvent| {
        let left = leaves.replace(event.key() == "Escape");
        let field: HtmlInputElement = event.target_unchecked_into();
        if event.is_composing() || (event.key() == "Tab" && (left || field.value().is_empty())) {
            return;
        }
        if let Some(key) = key(&event, &field) {
            event.prevent_default();
            press(key);
        }
    });
    let terminal = &props.terminal;
    let id = format!("line-{host}");
    html! {
        <div class="typing">
            <span class="prompt" aria-hidden="true">{ terminal.prompt() }</span>
            <input ref={field} {id} class="line" type={if terminal.is_secret() { "password" } else { "text" }} oninput={input} onkeydown={keydown} onpaste={paste}
                aria-label={format!("{} {}", props.name, terminal.prompt())} aria-description="Tab completes; after Escape, and on an empty line, it moves on"
                autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false" enterkeyhint="go" />
        </div>
    }
}

/// What a key means; `None` for one that the browser handles.
fn key(event: &KeyboardEvent, field: &HtmlInputElement) -> Option<Key> {
    let name = event.key();
    if event.meta_key() {
        return None;
    }
    if event.alt_key() {
        return (name == "Backspace").then_some(Key::Edit(Edit::CutWord));
    }
    if event.ctrl_key() {
        let selects = field.selection_start().ok().flatten() != field.selection_end().ok().flatten();
        return match name.to_ascii_lowercase().as_str() {
            // Then it copies.
            "c" if event.shift_key() || selects || browser::is_text_selected() => None,
            "c" => Some(Key::Interrupt),
            "d" => Some(Key::EndOfInput),
            "l" => Some(Key::Clear),
            "a" => Some(Key::Edit(Edit::Start)),
            "e" => Some(Key::Edit(Edit::End)),
            "u" => Some(Key::Edit(Edit::CutBefore)),
            "k" => Some(Key::Edit(Edit::CutAfter)),
            "w" => Some(Key::Edit(Edit::CutWord)),
            "y" => Some(Key::Edit(Edit::Put)),
            "p" => Some(Key::Up),
            "n" => Some(Key::Down),
            _ => None,
        };
    }
    match name.as_str() {
        "Enter" => Some(Key::Enter),
        "ArrowUp" => Some(Key::Up),
        "ArrowDown" => Some(Key::Down),
        "Tab" if !event.shift_key() => Some(Key::Tab),
        _ => None,
    }
}

fn read(field: &HtmlInputElement) -> Line {
    let text = field.value();
    let at = field.selection_start().ok().flatten();
    let cursor = at.map_or(text.len(), |at| Utf16Map::of(&text).byte(at as usize));
    Line::at(&text, cursor)
}

fn write(field: &HtmlInputElement, line: &Line) {
    if field.value() != line.text {
        field.set_value(&line.text);
    }
    let at = u32::try_from(Utf16Map::of(&line.text).utf16(line.cursor)).unwrap_or(u32::MAX);
    // A field that is not drawn has no cursor to set.
    _ = field.set_selection_range(at, at);
}
