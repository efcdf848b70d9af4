//! The tabs of a room with several sides.

use yew::prelude::*;

use super::focus_soon;

/// One tab.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SideTab {
    /// Of the element, behind `tab-`.
    pub(super) id: AttrValue,
    /// What it says.
    pub(super) title: AttrValue,
}

impl SideTab {
    pub(super) fn of(id: &'static str, title: &'static str) -> SideTab {
        SideTab {
            id: id.into(),
            title: title.into(),
        }
    }
}

/// A tab that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Which one.
    pub(super) at: usize,
    /// True if it was done by a pointer: then the keyboard is free to go where one looks.
    pub(super) by_pointer: bool,
}

#[derive(Properties, PartialEq)]
pub(super) struct SideTabsProps {
    pub(super) tabs: Vec<SideTab>,
    /// The tab that is shown.
    pub(super) at: usize,
    /// Id of the panel.
    pub(super) panel: AttrValue,
    /// Id of the room's heading.
    pub(super) heading: AttrValue,
    pub(super) on_choose: Callback<Chosen>,
}

/// One tab stop; arrow keys go from tab to tab.
#[component]
pub(super) fn SideTabs(props: &SideTabsProps) -> Html {
    let bar = use_node_ref();
    let (at, n_tabs) = (props.at, props.tabs.len());
    let key = {
        let (choose, bar) = (props.on_choose.clone(), bar.clone());
        Callback::from(move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowRight" => (at + 1) % n_tabs,
                "ArrowLeft" => (at + n_tabs - 1) % n_tabs,
                "Home" => 0,
                "End" => n_tabs - 1,
                _ => return,
            };
            event.prevent_default();
            choose.emit(Chosen {
                at: to,
                by_pointer: false,
            });
            focus_soon(&bar, "[aria-selected='true']");
        })
    };
    let click = |to: usize| {
        props.on_choose.reform(move |event: MouseEvent| Chosen {
            at: to,
            // A click that a key makes has no count.
            by_pointer: event.detail() > 0,
        })
    };
    html! {
        <div class="sides" role="tablist" aria-labelledby={props.heading.clone()} ref={bar} onkeydown={key}>
            for (index, tab) in props.tabs.iter().enumerate() {
                <button class="tab" role="tab" id={format!("tab-{}", tab.id)} aria-selected={(index == at).to_string()} aria-controls={props.panel.clone()}
                    tabindex={if index == at { "0" } else { "-1" }} onclick={click(index)}>{ &tab.title }</button>
            }
        </div>
    }
}
