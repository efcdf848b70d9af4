//! The page: a pure model, and the components that draw it.
//!
//! [`model::Model`] is everything that is shown and [`model::Action`] everything that happens; neither knows a browser.
//! [`app::App`] owns the model and carries out what an action asks for: messages to the worker, storage, timers.
//! [`components`] draw. Nothing about images is computed here: that is the worker's.
#![forbid(unsafe_code)]

mod app;
mod archive;
mod browser;
mod companion;
mod components;
mod examples;
mod incoming;
mod layout;
mod model;
mod native;
mod rich;
mod saved;
mod words;
mod worker;

fn main() {
    let place = gloo::utils::document().get_element_by_id("app");
    let place = place.expect("index.html has an element with the id app");
    yew::Renderer::<app::App>::with_root(place).render();
}
