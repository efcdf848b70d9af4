//! The machines as the page shows them: lists, terminals, the wire.

mod inside;

pub(crate) use inside::Inside;

use builder::{Echo, Fidelity};
use engine::{
    ContainerFilters, ContainerRow as Listed, ImageFilters, Intermediates, Own, Rows, StoredImage, Which,
    human_duration,
};
use hosts::{Exchange, Lab, Machine, Shown, Wants as Wanted};
use messages::{
    Answer, ContainerRow, HostView, ImageRow, LayerCell, Origin, PathRow, RepositoryRow, SharingView, TerminalView,
    Wants, WireRow,
};
use std::collections::BTreeMap;
use store::{Layer, Time};

/// So many paths of a writable layer are listed.
const MAX_PATHS: usize = 200;

/// All machines.
pub(crate) fn views(lab: &Lab, now: Time) -> Vec<HostView> {
    let machines = lab.machines().iter().enumerate();
    machines
        .map(|(index, machine)| view(lab, index, machine, now))
        .collect()
}

fn view(lab: &Lab, index: usize, machine: &Machine, now: Time) -> HostView {
    let daemon = &machine.daemon;
    HostView {
        name: machine.place.name.to_owned(),
        address: machine.place.address.to_owned(),
        images: images(machine, now),
        containers: daemon
            .list_containers(Which::All, &ContainerFilters::default(), now)
            .unwrap_or_default()
            .iter()
            .filter_map(|row| container(machine, row))
            .collect(),
        sharing: sharing(machine),
        repositories: lab
            .repositories(index)
            .into_iter()
            .map(|repository| RepositoryRow {
                name: repository.name,
                tags: repository.tags,
                bytes: repository.bytes,
            })
            .collect(),
    }
}

/// The rows of `docker image ls -a`.
fn images(machine: &Machine, now: Time) -> Vec<ImageRow> {
    let daemon = &machine.daemon;
    let rows = daemon.list_images(&ImageFilters::default(), Intermediates::Show, Rows::Tags);
    let row = |row: engine::ImageRow| {
        let image = daemon.image_by_id(row.id)?;
        let users = daemon.containers().filter(|container| container.image == row.id);
        let none = || "<none>".to_owned();
        Some(ImageRow {
            id: row.id.to_string(),
            repository: row.repository.unwrap_or_else(none),
            tag: row.tag.unwrap_or_else(none),
            dangling: daemon.is_dangling(row.id),
            created: format!("{} ago", human_duration(now.secs - row.created.secs)),
            bytes: row.size,
            simulated: row.fidelity == Fidelity::Simulated,
            layers: cells(&image.image),
            used_by: users.map(|container| container.name.clone()).collect(),
        })
    };
    rows.unwrap_or_default().into_iter().filter_map(row).collect()
}

fn cells(image: &store::Image) -> Vec<LayerCell> {
    let instructions: Vec<&str> = image
        .steps()
        .filter(|(_, layer)| layer.is_some())
        .map(|(history, _)| history.created_by.as_str())
        .collect();
    let chain = image.chain_ids();
    let layers = image.layers.iter().zip(chain).enumerate();
    layers
        .map(|(n, (layer, chain_id))| LayerCell {
            chain_id: chain_id.to_string(),
            bytes: layer.bytes(),
            instruction: instructions.get(n).copied().unwrap_or_default().to_owned(),
            simulated: layer.is_simulated(),
        })
        .collect()
}

/// What is stored once, and what would be stored if nothing were shared.
fn sharing(machine: &Machine) -> SharingView {
    let mut unique = BTreeMap::new();
    let mut sum_bytes = 0;
    for image in machine.daemon.images() {
        for (layer, chain_id) in image.image.layers.iter().zip(image.chain_ids()) {
            unique.insert(chain_id, layer.bytes());
        }
        sum_bytes += image.image.layers.iter().map(Layer::bytes).sum::<u64>();
    }
    SharingView {
        unique_bytes: unique.values().sum(),
        sum_bytes,
    }
}

fn container(machine: &Machine, row: &Listed) -> Option<ContainerRow> {
    let container = machine.daemon.container(&row.id).ok()?;
    let entries = container.own_entries();
    let paths = entries.iter().take(MAX_PATHS).map(|entry| PathRow {
        path: entry.path.to_string(),
        origin: match entry.own {
            Own::CopiedUp => Origin::CopiedUp,
            Own::Whiteout => Origin::Whiteout,
            Own::New | Own::Shared => Origin::Own,
        },
        bytes: entry.bytes,
    });
    Some(ContainerRow {
        id: container.id.clone(),
        name: container.name.clone(),
        image: container.image_name.clone(),
        image_id: container.image.to_string(),
        command: container.command().join(" "),
        state: container.state.status.as_str().to_owned(),
        status: row.status.clone(),
        ports: cli::docker::shown_ports(&row.ports, &row.exposed),
        writable_bytes: row.size,
        shared_bytes: machine.daemon.image_by_id(container.image).map_or(0, StoredImage::size),
        n_paths: entries.len(),
        paths: paths.collect(),
    })
}

/// What a terminal shows, and the editor if it opens one.
pub(crate) fn shown(host: usize, shown: Shown) -> Vec<Answer> {
    let edit = match &shown.wants {
        Wanted::Edit { path, text } => Some(Answer::Edit {
            host,
            path: path.clone(),
            text: text.clone(),
        }),
        _ => None,
    };
    let view = TerminalView {
        clear: shown.clear,
        ..view_of(host, &shown.text, shown.wants)
    };
    std::iter::once(Answer::Terminal(view)).chain(edit).collect()
}

/// Text at a terminal, and what that waits for.
pub(crate) fn terminal(host: usize, text: &str, wants: Wanted) -> Answer {
    Answer::Terminal(view_of(host, text, wants))
}

fn view_of(host: usize, text: &str, wants: Wanted) -> TerminalView {
    TerminalView {
        host,
        text: text.to_owned(),
        clear: false,
        wants: match wants {
            Wanted::Prompt(prompt) => Wants::Prompt(prompt),
            Wanted::More => Wants::More("> ".to_owned()),
            Wanted::Line { prompt, echo } => Wants::Line {
                prompt,
                echo: echo == Echo::Shown,
            },
            Wanted::Edit { .. } | Wanted::Nothing => Wants::Nothing,
        },
    }
}

/// Exchanges as rows.
pub(crate) fn wire(exchanges: Vec<Exchange>) -> Option<Answer> {
    if exchanges.is_empty() {
        return None;
    }
    let row = |exchange: Exchange| {
        let (spared, spared_bytes) = match exchange.spared {
            Some((why, bytes)) => (Some(why), bytes),
            None => (None, 0),
        };
        WireRow {
            number: exchange.number,
            client: exchange.client,
            server: exchange.server,
            method: exchange.method.map_or("", registry::Method::as_str).to_owned(),
            url: exchange.url,
            status: exchange.status,
            sent_bytes: exchange.sent_bytes,
            received_bytes: exchange.received_bytes,
            spared,
            spared_bytes,
            note: exchange.note,
        }
    };
    Some(Answer::Wire(exchanges.into_iter().map(row).collect()))
}
