//! What is drawn: rooms, and the parts they are made of. Components take the model or a part of it and hold no rules.

mod card;
mod cards;
mod code;
mod compared;
mod compared_step;
mod consent;
mod console;
mod containers;
mod content;
mod context;
mod editor;
mod facts;
mod files;
mod header;
mod history;
mod host_bar;
mod images;
mod inside;
mod key_bar;
mod layers;
mod local_images;
mod log;
mod matrix;
mod native;
mod native_button;
mod new_file;
mod notices;
mod options;
mod output;
mod overlay;
mod plain;
mod problems;
mod rich_editor;
mod rows;
mod run_log;
mod sharing;
mod side_tabs;
mod source;
mod stack;
mod tabs;
mod tape;
mod thing;
mod tree;
mod tree_row;
mod typing;
mod why;
mod wire;
mod writable;

use std::{ops::Deref, rc::Rc};

use yew::Callback;

pub(crate) use consent::Consent;
pub(crate) use header::Header;
pub(crate) use inside::InsideRoom;
pub(crate) use layers::LayersRoom;
pub(crate) use notices::Notices;
pub(crate) use output::OutputRoom;
pub(crate) use source::SourceRoom;

use crate::model::{Action, Model};

/// The model as a room's property: two are equal only if they are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Shared(pub(crate) Rc<Model>);

impl PartialEq for Shared {
    fn eq(&self, other: &Shared) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Shared {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.0
    }
}

/// Where actions go.
pub(crate) type Act = Callback<Action>;

/// Focuses, within `list`, the element that `selector` finds, after the next drawing.
fn focus_soon(list: &yew::NodeRef, selector: &'static str) {
    let list = list.clone();
    gloo::timers::callback::Timeout::new(0, move || {
        let found = list
            .cast::<web_sys::Element>()
            .and_then(|list| list.query_selector(selector).ok().flatten());
        if let Some(element) =
            found.and_then(|found| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(found).ok())
        {
            // An element that cannot take the focus leaves it where it was.
            _ = element.focus();
        }
    })
    .forget();
}
