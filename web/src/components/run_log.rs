//! What a run on this machine says.

use std::rc::Rc;

use web_sys::Element;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(super) struct RunLogProps {
    pub(super) log: Rc<Vec<Rc<str>>>,
}

/// Follows the end.
#[component]
pub(super) fn RunLog(props: &RunLogProps) -> Html {
    let screen = use_node_ref();
    {
        let screen = screen.clone();
        use_effect_with(props.log.len(), move |_| {
            if let Some(screen) = screen.cast::<Element>() {
                screen.set_scroll_top(screen.scroll_height());
            }
        });
    }
    html! {
        <pre class="screen" id="run-log" ref={screen} tabindex="0" aria-label="Log of the run">
            for (index, line) in props.log.iter().enumerate() { <span key={index}>{ &**line }{ "\n" }</span> }
        </pre>
    }
}
