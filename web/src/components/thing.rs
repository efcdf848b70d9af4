//! One row of a list, to be opened: what it is, and then what can be done with it.

use std::rc::Rc;

use messages::Subject;
use yew::prelude::*;

use super::Act;
use crate::model::{Action, Offer, Then};

#[derive(Properties, PartialEq)]
pub(super) struct ThingProps {
    /// Names the row among all lists.
    pub(super) row: Rc<str>,
    pub(super) open: bool,
    /// The line that is always there.
    pub(super) head: Html,
    /// For those who listen.
    pub(super) name: String,
    pub(super) host: usize,
    pub(super) subject: Subject,
    /// Commands for it.
    pub(super) offers: Vec<Offer>,
    /// What the download is.
    pub(super) download: AttrValue,
    /// What is told of it when it is open.
    pub(super) children: Html,
    pub(super) act: Act,
}

/// A button that opens, and the buttons that are then there: each types its command into the terminal.
#[component]
pub(super) fn Thing(props: &ThingProps) -> Html {
    let (row, host) = (props.row.clone(), props.host);
    let emit = |action: Action| props.act.reform(move |_: MouseEvent| action.clone());
    let offer = |offer: &Offer| {
        let title = match offer.then {
            Then::Run => format!("Types {} and runs it", offer.command),
            Then::Wait => format!("Types {} for you to complete", offer.command),
        };
        let label = match offer.then {
            Then::Run => offer.label.to_owned(),
            Then::Wait => format!("{} …", offer.label),
        };
        html! { <button class="quiet" {title} aria-label={format!("{} {}", offer.label, props.name)} onclick={emit(Action::TypeOffer(host, offer.clone()))}>{ label }</button> }
    };
    html! {
        <li class={classes!("thing", props.open.then_some("open"))} data-row={row.to_string()}>
            <button class="thing-head" aria-expanded={props.open.to_string()} onclick={emit(Action::OpenRow(row))}>
                { props.head.clone() }
            </button>
            if props.open {
                <div class="thing-body">
                    <div class="offers" role="group" aria-label={format!("What can be done with {}", props.name)}>
                        <button class="quiet look" aria-label={format!("Look inside {}", props.name)} onclick={emit(Action::Inspect(props.subject.clone()))}>{ "Look inside" }</button>
                        for command in &props.offers { { offer(command) } }
                        <button class="quiet" aria-label={format!("Download {}", props.name)} title={props.download.clone()} onclick={emit(Action::Fetch(props.subject.clone()))}>{ "Download" }</button>
                    </div>
                    { props.children.clone() }
                </div>
            }
        </li>
    }
}
