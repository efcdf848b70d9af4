//! Keys that a phone does not have, shown where the screen is small.

use yew::prelude::*;

use super::Act;
use crate::model::{Action, Key, Line};

const KEYS: [(&str, &str, Key); 5] = [
    ("Tab", "Tab: complete", Key::Tab),
    ("↑", "Up: the command before", Key::Up),
    ("↓", "Down: the command after", Key::Down),
    ("Ctrl-C", "Control C: interrupt", Key::Interrupt),
    ("Ctrl-D", "Control D: end of input", Key::EndOfInput),
];

#[derive(Properties, PartialEq)]
pub(super) struct KeyBarProps {
    pub(super) host: usize,
    pub(super) line: Line,
    pub(super) act: Act,
}

/// A row of buttons.
#[component]
pub(super) fn KeyBar(props: &KeyBarProps) -> Html {
    let press = |key: Key| {
        let (host, line) = (props.host, props.line.clone());
        props
            .act
            .reform(move |_: MouseEvent| Action::Press(host, line.clone(), key.clone()))
    };
    // The field keeps the keyboard, and with it the phone's own.
    let stay = Callback::from(|event: MouseEvent| event.prevent_default());
    html! {
        <div class="keys" role="group" aria-label="Keys of the terminal" onmousedown={stay}>
            for (title, label, key) in KEYS {
                <button class="quiet" aria-label={label} onclick={press(key)}>{ title }</button>
            }
        </div>
    }
}
