//! The lower room: the build's log, the terminals, the network, runs on this machine.

use yew::prelude::*;

use super::{
    Act, Shared,
    console::Console,
    focus_soon,
    log::{LogSide, progress},
    native::NativeSide,
    side_tabs::{Chosen, SideTab, SideTabs},
    wire::WireSide,
};
use crate::{
    model::{Action, Lower},
    words,
};

#[derive(Properties, PartialEq)]
pub(crate) struct OutputProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
    /// A preview report was chosen in a file field.
    pub(crate) on_report: Callback<web_sys::File>,
}

/// Tabs, a few words on the side that is shown, and that side.
#[component]
pub(crate) fn OutputRoom(props: &OutputProps) -> Html {
    let model = &props.model;
    let machines = &model.machines;
    let room = use_node_ref();
    {
        let room = room.clone();
        use_effect_with(machines.focus, move |focus| {
            if *focus > 0 {
                focus_soon(&room, ".typing .line");
            }
        });
    }
    // A terminal has its place before its machine is there.
    let n_hosts = machines.hosts.len().max(1);
    let at = match machines.lower {
        Lower::Log => 0,
        Lower::Terminal => 1 + machines.host,
        Lower::Wire => 1 + n_hosts,
        Lower::Native => 2 + n_hosts,
    };
    let tabs = tabs(model, n_hosts);
    let panel = format!("tab-{}", tabs[at.min(tabs.len() - 1)].id);
    let choose = {
        let act = props.act.clone();
        Callback::from(move |Chosen { at, by_pointer }: Chosen| {
            let lower = match at {
                0 => Lower::Log,
                at if at <= n_hosts => {
                    act.emit(Action::ShowHost(at - 1));
                    Lower::Terminal
                }
                at if at == 1 + n_hosts => Lower::Wire,
                _ => Lower::Native,
            };
            act.emit(Action::ShowLower(lower));
            if by_pointer && lower == Lower::Terminal {
                act.emit(Action::FocusTerminal);
            }
        })
    };
    html! {
        <section class="pane term" id="output" aria-labelledby="output-title" ref={room}>
            <h2 id="output-title" class="vh">{ "Log, terminals and network" }</h2>
            <header class="head">
                <SideTabs {tabs} {at} panel="output-side" heading="output-title" on_choose={choose} />
                { about(model) }
                <button class="quiet stretch" id="stretch" aria-pressed={machines.is_tall.to_string()} onclick={props.act.reform(|_: MouseEvent| Action::Stretch)}>
                    { if machines.is_tall { "Smaller" } else { "Larger" } }
                </button>
            </header>
            <div class="side" role="tabpanel" id="output-side" aria-labelledby={panel} tabindex="-1">
                { side(props) }
            </div>
        </section>
    }
}

fn side(props: &OutputProps) -> Html {
    let (model, act) = (props.model.clone(), props.act.clone());
    match model.machines.lower {
        Lower::Log => html! { <LogSide {model} {act} /> },
        Lower::Terminal => html! { <Console {model} {act} /> },
        Lower::Wire => html! { <WireSide wire={model.machines.wire.clone()} /> },
        Lower::Native => html! { <NativeSide {model} {act} on_report={props.on_report.clone()} /> },
    }
}

fn tabs(model: &Shared, n_hosts: usize) -> Vec<SideTab> {
    let terminal = |host: usize| SideTab {
        id: format!("terminal-{host}").into(),
        title: match model.machines.hosts.get(host) {
            Some(host) => format!("Terminal: {}", host.name).into(),
            None => "Terminal".into(),
        },
    };
    let mut tabs = vec![SideTab::of("log", "Log")];
    tabs.extend((0..n_hosts).map(terminal));
    tabs.push(SideTab::of("wire", "Network"));
    tabs.push(SideTab::of("native", "This machine"));
    tabs
}

/// What is to be known of the side that is shown, beside the tabs.
fn about(model: &Shared) -> Html {
    let machines = &model.machines;
    match machines.lower {
        Lower::Log => progress(&model.build),
        Lower::Wire | Lower::Native => html! {},
        Lower::Terminal => {
            let Some(terminal) = machines.terminal() else {
                return html! {};
            };
            let waiting = match terminal.n_waiting() {
                0 => String::new(),
                n => format!(", {} after it", words::count(n, "line waits", "lines wait")),
            };
            let address = machines.shown().map_or("", |host| &host.address);
            html! {
                <>
                    <span class="simulated">{ "simulated" }</span>
                    <span class="note state">
                        { if terminal.is_running() { format!("running{waiting} · Ctrl-C stops it") } else { address.to_owned() } }
                    </span>
                </>
            }
        }
    }
}
