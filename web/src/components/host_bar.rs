//! Which machine's lists are shown.

use yew::prelude::*;

use super::{Act, Shared};
use crate::model::Action;

#[derive(Properties, PartialEq)]
pub(super) struct HostBarProps {
    pub(super) model: Shared,
    pub(super) act: Act,
    /// What else stands in the row.
    #[prop_or_default]
    pub(super) children: Html,
}

/// One button a machine; nothing to choose where there is one.
#[component]
pub(super) fn HostBar(props: &HostBarProps) -> Html {
    let machines = &props.model.machines;
    html! {
        <div class="row-of-controls">
            if machines.hosts.len() > 1 {
                <div class="seg" role="group" aria-label="Machine">
                    for (index, host) in machines.hosts.iter().enumerate() {
                        <button aria-pressed={(index == machines.host).to_string()} title={host.address.clone()}
                            onclick={props.act.reform(move |_: MouseEvent| Action::ShowHost(index))}>{ &host.name }</button>
                    }
                </div>
            }
            { props.children.clone() }
        </div>
    }
}
