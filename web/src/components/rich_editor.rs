//! The rich editor: CodeMirror in the place of the plain text area, with the same tokens, problems and tape.

use std::{cell::RefCell, rc::Rc};

use messages::Problem;
use web_sys::Element;
use yew::prelude::*;

use super::{Act, Shared};
use crate::{
    model::{Action, CLASSES, Engine, Known, Model, Reading, Utf16Map, offers},
    rich::{Bundle, Page, Rich},
};

#[derive(Properties, PartialEq)]
pub(crate) struct RichProps {
    pub(crate) bundle: Bundle,
    pub(crate) model: Shared,
    pub(crate) act: Act,
    pub(crate) text: Rc<str>,
    pub(crate) problems: Rc<[Problem]>,
    pub(crate) selected: Option<(usize, usize)>,
}

/// Made once; then told what changed.
#[component]
pub(crate) fn RichEditor(props: &RichProps) -> Html {
    let place = use_node_ref();
    let rich: Rc<RefCell<Option<Rich>>> = use_memo((), |()| RefCell::new(None));
    // What the editor's callbacks look at: they outlive many drawings.
    let latest: Rc<RefCell<Rc<Model>>> = use_memo((), |()| RefCell::new(props.model.0.clone()));
    latest.replace(props.model.0.clone());
    {
        let (place, rich, bundle) = (place.clone(), rich.clone(), props.bundle.clone());
        let (act, text, latest) = (props.act.clone(), props.text.clone(), latest.clone());
        use_effect_with((), move |()| {
            if let Some(place) = place.cast::<Element>() {
                let page = page(&latest, &act);
                let made = Rich::new(&bundle, &place, &text, page);
                if let (Some(made), Some(at)) = (&made, bundle.cursor) {
                    made.focus(at);
                }
                *rich.borrow_mut() = made;
            }
            move || drop(rich.borrow_mut().take())
        });
    }
    {
        let (rich, text) = (rich.clone(), props.text.clone());
        use_effect_with((props.model.open.clone(), props.model.revision), move |(open, _)| {
            if let Some(rich) = &*rich.borrow() {
                rich.set(&text, &label(open));
            }
        });
    }
    {
        let (rich, reading) = (rich.clone(), props.model.open_reading());
        use_effect_with(props.problems.clone(), move |problems| {
            let found = problems.iter().filter_map(|problem| {
                let (start, end) = problem.span?;
                let message = std::iter::once(&problem.message)
                    .chain(&problem.hints)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("\n");
                Some((
                    reading.utf16.utf16(start),
                    reading.utf16.utf16(end),
                    problem.severity.clone(),
                    message,
                ))
            });
            if let Some(rich) = &*rich.borrow() {
                rich.problems(&found.collect::<Vec<_>>());
            }
        });
    }
    use_effect_with((props.selected, props.model.open.clone()), move |(selected, _)| {
        if let Some(rich) = &*rich.borrow() {
            let (first, last) = selected.unwrap_or((1, 0));
            rich.select(first, last);
        }
    });
    html! { <div class="text rich" ref={place}></div> }
}

fn label(open: &str) -> String {
    format!("Text of {open}")
}

fn page(latest: &Rc<RefCell<Rc<Model>>>, act: &Act) -> Page {
    let model = latest.clone();
    let tokens = move |text: String| {
        if model.borrow().shows_dockerfile() {
            Reading::of(&text).flat_tokens()
        } else {
            Vec::new()
        }
    };
    let model = latest.clone();
    let offer = move |before: String| {
        let model = model.borrow();
        if !model.shows_dockerfile() {
            return (0, Vec::new());
        }
        let images = match &model.engine {
            Engine::Ready { images, .. } => images.clone(),
            _ => Rc::default(),
        };
        let paths: Vec<String> = model.project.files.keys().map(ToString::to_string).collect();
        let (replaced, offers) = offers(
            &before,
            &Known {
                stages: &model.reading.stages,
                images: &images,
                paths: &paths,
            },
        );
        let units = Utf16Map::of(&before);
        let replaced = units.utf16(before.len()) - units.utf16(before.len() - replaced);
        (
            replaced,
            offers.into_iter().map(|offer| (offer.label, offer.detail)).collect(),
        )
    };
    let (type_text, build) = (act.clone(), act.clone());
    let (model, select) = (latest.clone(), act.clone());
    Page {
        label: label(&latest.borrow().open),
        classes: &CLASSES,
        tokens: Box::new(tokens),
        offers: Box::new(offer),
        changed: Box::new(move |text| type_text.emit(Action::Type(text))),
        moved: Box::new(move |line| {
            if model.borrow().shows_dockerfile() {
                select.emit(Action::SelectLine(line));
            }
        }),
        build: Box::new(move || build.emit(Action::Build)),
    }
}
