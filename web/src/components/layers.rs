//! The upper room: the layers of the image that is looked into, and the images and containers of the simulated machines.

use yew::prelude::*;

use super::{
    Act, Shared,
    containers::Containers,
    images::Images,
    local_images::LocalImages,
    sharing::Sharing,
    side_tabs::{Chosen, SideTab, SideTabs},
    stack::Stack,
};
use crate::model::{Action, Upper};

/// The last one is there only where a companion answers.
const SIDES: [(Upper, &str, &str); 5] = [
    (Upper::Layers, "layers", "Layers"),
    (Upper::Images, "images", "Images"),
    (Upper::Containers, "containers", "Containers"),
    (Upper::Sharing, "sharing", "Sharing"),
    (Upper::Local, "local", "Local"),
];

#[derive(Properties, PartialEq)]
pub(crate) struct LayersProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    /// An archive was chosen in a file field.
    pub(crate) on_archive: Callback<web_sys::FileList>,
}

/// Tabs, and the side that is chosen.
#[component]
pub(crate) fn LayersRoom(props: &LayersProps) -> Html {
    let (model, act) = (props.model.clone(), props.act.clone());
    let upper = model.machines.upper;
    let at = SIDES.iter().position(|(side, ..)| *side == upper).unwrap_or(0);
    let n_sides = SIDES.len() - usize::from(model.native.hello.is_none());
    let tabs: Vec<SideTab> = SIDES[..n_sides]
        .iter()
        .map(|(_, id, title)| SideTab::of(id, title))
        .collect();
    let choose = act.reform(|chosen: Chosen| Action::ShowUpper(SIDES[chosen.at].0));
    html! {
        <section class="pane stack" id="layers" aria-labelledby="layers-title">
            <h2 id="layers-title" class="vh">{ "Layers, images and containers" }</h2>
            <div class="tabs">
                <SideTabs {tabs} {at} panel="layers-side" heading="layers-title" on_choose={choose} />
            </div>
            <div class="side" role="tabpanel" id="layers-side" aria-labelledby={format!("tab-{}", SIDES[at].1)} tabindex="-1">
                {
                    match upper {
                        Upper::Layers => html! { <Stack {model} {act} /> },
                        Upper::Images => html! { <Images {model} {act} on_archive={props.on_archive.clone()} /> },
                        Upper::Containers => html! { <Containers {model} {act} /> },
                        Upper::Sharing => html! { <Sharing {model} {act} /> },
                        Upper::Local => html! { <LocalImages {model} {act} /> },
                    }
                }
            </div>
        </section>
    }
}
