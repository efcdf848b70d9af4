//! The layers as cards, newest on top, with their bytes as bars on one scale.

use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::{
    Act, Shared,
    card::{Card, Scale},
    focus_soon,
};
use crate::model::Action;

#[derive(Properties, PartialEq)]
pub(crate) struct CardsProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// The cards; arrow keys go from one to the next.
#[component]
pub(crate) fn Cards(props: &CardsProps) -> Html {
    let model = &props.model;
    let list = use_node_ref();
    let Some(image) = model.image.clone() else {
        return html! {};
    };
    let n_layers = image.layers.len();
    let selected = model.selection.layer;
    let key = {
        let (act, list) = (props.act.clone(), list.clone());
        Callback::from(move |event: KeyboardEvent| {
            let at = selected.unwrap_or(n_layers.saturating_sub(1));
            // The newest layer is drawn first.
            let to = match event.key().as_str() {
                "ArrowUp" => at + 1,
                "ArrowDown" if at > 0 => at - 1,
                "Home" => n_layers.saturating_sub(1),
                "End" => 0,
                _ => return,
            };
            event.prevent_default();
            if to < n_layers {
                act.emit(Action::SelectLayer(to));
                focus_soon(&list, "[tabindex='0']");
            }
        })
    };
    let scale = Scale::of(&image);
    html! {
        <ol class="sheets" ref={list} reversed=true onkeydown={key}>
            for (index, layer) in image.layers.iter().enumerate().rev() {
                <Card key={index} {index} layer={layer.clone()} line={model.line_of(index)} scale={scale.clone()}
                    selected={selected == Some(index)} current={selected.unwrap_or(n_layers - 1) == index}
                    on_select={props.act.reform(Action::SelectLayer)} />
            }
        </ol>
    }
}
