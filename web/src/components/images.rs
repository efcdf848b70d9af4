//! The images of a machine, and what its registry keeps.

use std::rc::Rc;

use messages::{HostView, ImageRow, RepositoryRow, Subject};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{Act, Shared, host_bar::HostBar, thing::Thing};
use crate::{
    model::{image_name, of_image},
    words,
};

/// The most rows that are drawn.
const MOST: usize = 200;

#[derive(Properties, PartialEq)]
pub(super) struct ImagesProps {
    pub(super) model: Shared,
    pub(super) act: Act,
    pub(super) on_archive: Callback<web_sys::FileList>,
}

/// One row an image, as `docker image ls -a` lists them.
#[component]
pub(super) fn Images(props: &ImagesProps) -> Html {
    let (model, act) = (props.model.clone(), props.act.clone());
    let on_archive = props.on_archive.clone();
    let chosen = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Some(files) = input.files() {
            on_archive.emit(files);
        }
        // The same file can be chosen again.
        input.set_value("");
    });
    let host = model.machines.shown();
    html! {
        <>
            <HostBar model={model.clone()} act={act.clone()}>
                <label class="upload">{ "Load an archive" }<input type="file" class="vh" id="load-archive" onchange={chosen} /></label>
            </HostBar>
            <div class="things-room">
                if let Some(host) = host.filter(|host| !host.images.is_empty()) {
                    <ul class="things" aria-label={format!("Images of {}", host.name)}>
                        for image in host.images.iter().take(MOST) { { row(props, image) } }
                    </ul>
                    if host.images.len() > MOST { <p class="note">{ format!("and {} more images", host.images.len() - MOST) }</p> }
                } else {
                    <div class="empty"><p><b>{ "No images here" }</b></p>
                        <p>{ "Build one, type docker pull in the terminal, or drop an archive of docker save on the page." }</p></div>
                }
                if let Some(host) = host.filter(|host| !host.repositories.is_empty()) { { registry(host) } }
            </div>
        </>
    }
}

fn row(props: &ImagesProps, image: &ImageRow) -> Html {
    let machines = &props.model.machines;
    let name = image_name(image);
    let row: Rc<str> = format!("{name} {}", image.id).into();
    let head = html! {
        <>
            <b class="name-of" data-image={image.id.clone()}>{ &name }</b>
            if image.dangling { <span class="tag">{ "dangling" }</span> }
            <span class="bytes">{ words::bytes(image.bytes) }</span>
            <span class="about">
                if image.simulated { <span class="simulated">{ "simulated" }</span> } else { <code>{ words::short_digest(&image.id) }</code> }
                { format!(" {} · {}", image.created, words::count(image.layers.len(), "layer", "layers")) }
            </span>
        </>
    };
    let users = if image.used_by.is_empty() {
        "No container is made of it.".to_owned()
    } else {
        format!("Containers made of it: {}.", image.used_by.join(", "))
    };
    let subject = Subject::Image {
        host: machines.host,
        id: image.id.clone(),
    };
    html! {
        <Thing key={row.to_string()} open={machines.row.as_ref() == Some(&row)} row={row.clone()} {head} {name} host={machines.host} {subject} offers={of_image(image)}
            download="As an archive that docker load takes" act={props.act.clone()}>
            <p class="note">{ users }</p>
        </Thing>
    }
}

fn registry(host: &HostView) -> Html {
    let repository = |row: &RepositoryRow| {
        html! {
            <tr><th scope="row">{ &row.name }</th><td>{ row.tags.join(", ") }</td><td class="size">{ words::bytes(row.bytes) }</td></tr>
        }
    };
    html! {
        <table class="repositories">
            <caption class="sub">{ format!("In the registry on {}", host.name) }</caption>
            <thead><tr><th scope="col">{ "Repository" }</th><th scope="col">{ "Tags" }</th><th scope="col" class="size">{ "Stored" }</th></tr></thead>
            <tbody>for row in &host.repositories { { repository(row) } }</tbody>
        </table>
    }
}
