//! The containers of a machine: what runs, and what each has written.

use std::rc::Rc;

use messages::{ContainerRow, Subject};
use yew::prelude::*;

use super::{Act, Shared, host_bar::HostBar, thing::Thing, writable::Writable};
use crate::{model::of_container, words};

/// The most rows that are drawn.
const MOST: usize = 200;

#[derive(Properties, PartialEq)]
pub(super) struct ContainersProps {
    pub(super) model: Shared,
    pub(super) act: Act,
}

/// One row a container, as `docker ps -a` lists them.
#[component]
pub(super) fn Containers(props: &ContainersProps) -> Html {
    let (model, act) = (props.model.clone(), props.act.clone());
    let host = model.machines.shown();
    html! {
        <>
            <HostBar model={model.clone()} {act} />
            <div class="things-room">
                if let Some(host) = host.filter(|host| !host.containers.is_empty()) {
                    <ul class="things" aria-label={format!("Containers of {}", host.name)}>
                        for container in host.containers.iter().take(MOST) { { row(props, container) } }
                    </ul>
                    if host.containers.len() > MOST { <p class="note">{ format!("and {} more containers", host.containers.len() - MOST) }</p> }
                } else {
                    <div class="empty"><p><b>{ "No containers here" }</b></p>
                        <p>{ "docker run makes one of an image: the image's layers, which it shares with every other, and one layer of its own to write into." }</p></div>
                }
            </div>
        </>
    }
}

fn row(props: &ContainersProps, container: &ContainerRow) -> Html {
    let machines = &props.model.machines;
    let row: Rc<str> = format!("{} {}", container.name, container.id).into();
    let is_running = container.state == "running";
    let head = html! {
        <>
            <b class="name-of"><span class={classes!("lamp", is_running.then_some("on"))} aria-hidden="true">{ if is_running { "●" } else { "○" } }</span>{ &container.name }</b>
            <span class="bytes" title="In its writable layer">{ words::bytes(container.writable_bytes) }</span>
            <span class="about">{ format!("{} · {}", container.status, container.image) }
                if !container.ports.is_empty() { { format!(" · {}", container.ports) } }</span>
        </>
    };
    let subject = Subject::Container {
        host: machines.host,
        id: container.id.clone(),
    };
    html! {
        <Thing key={row.to_string()} open={machines.row.as_ref() == Some(&row)} row={row.clone()} {head} name={container.name.clone()} host={machines.host} {subject}
            offers={of_container(container)} download="Its filesystem, as docker export writes it" act={props.act.clone()}>
            <p class="note"><code>{ &container.command }</code>{ format!(" · {}", short(&container.id)) }</p>
            <Writable container={container.clone()} />
        </Thing>
    }
}

/// As docker shows a container's id.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
