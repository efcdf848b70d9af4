//! Target, tag, build arguments and cache: what stands behind `docker build`.

use messages::Options;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::{Act, Shared};
use crate::model::Action;

#[derive(Properties, PartialEq)]
pub(crate) struct OptionsProps {
    pub(crate) model: Shared,
    pub(crate) act: Act,
}

/// One row; build arguments below it where there are any.
#[component]
pub(crate) fn OptionsRow(props: &OptionsProps) -> Html {
    let options = &props.model.project.options;
    let change = |edit: fn(&mut Options, &Event)| {
        let (act, options) = (props.act.clone(), options.clone());
        Callback::from(move |event: Event| {
            let mut options = options.clone();
            edit(&mut options, &event);
            act.emit(Action::SetOptions(options));
        })
    };
    let target = change(|options, event| options.target = event.target_unchecked_into::<HtmlSelectElement>().value());
    let tag = change(|options, event| {
        event
            .target_unchecked_into::<HtmlInputElement>()
            .value()
            .trim()
            .clone_into(&mut options.tag);
    });
    let no_cache =
        change(|options, event| options.no_cache = event.target_unchecked_into::<HtmlInputElement>().checked());
    let add = {
        let (act, options) = (props.act.clone(), options.clone());
        // The first declared argument that has no value yet.
        let free = props
            .model
            .reading
            .args
            .iter()
            .find(|name| !options.build_args.iter().any(|(given, _)| given == *name));
        let name = free.cloned().unwrap_or_default();
        Callback::from(move |_: MouseEvent| {
            let mut options = options.clone();
            options.build_args.push((name.clone(), String::new()));
            act.emit(Action::SetOptions(options));
        })
    };
    html! {
        <div class="options">
            <label class="field"><span class="label">{ "Target" }</span>
                <select id="target" onchange={target}>
                    <option value="" selected={options.target.is_empty()}>{ "last stage" }</option>
                    for name in stages(&props.model) {
                        <option value={name.clone()} selected={options.target == name}>{ name.clone() }</option>
                    }
                </select>
            </label>
            <label class="field"><span class="label">{ "Tag" }</span>
                <input id="tag" value={options.tag.clone()} onchange={tag} placeholder="none" spellcheck="false" autocapitalize="off" />
            </label>
            <label class="field check"><input id="no-cache" type="checkbox" checked={options.no_cache} onchange={no_cache} />{ "no cache" }</label>
            <button class="quiet" id="add-arg" onclick={add} title="Add a build argument">{ "+ argument" }</button>
            for (index, (name, value)) in options.build_args.iter().enumerate() {
                <BuildArg key={index} {index} name={name.clone()} value={value.clone()} options={options.clone()} act={props.act.clone()} />
            }
        </div>
    }
}

/// Names that a target can be called by: the given ones, else the stage's number.
fn stages(model: &Shared) -> Vec<String> {
    let named = model.reading.stages.iter().enumerate();
    let mut names: Vec<String> = named
        .map(|(index, name)| {
            if name.is_empty() {
                index.to_string()
            } else {
                name.clone()
            }
        })
        .collect();
    let target = &model.project.options.target;
    if !target.is_empty() && !names.contains(target) {
        names.push(target.clone());
    }
    names
}

#[derive(Properties, PartialEq)]
struct ArgProps {
    index: usize,
    name: String,
    value: String,
    options: Options,
    act: Act,
}

#[component]
fn BuildArg(props: &ArgProps) -> Html {
    let change = |edit: fn(&mut (String, String), String)| {
        let (act, options, index) = (props.act.clone(), props.options.clone(), props.index);
        Callback::from(move |event: Event| {
            let mut options = options.clone();
            let text = event.target_unchecked_into::<HtmlInputElement>().value();
            edit(&mut options.build_args[index], text);
            act.emit(Action::SetOptions(options));
        })
    };
    let remove = {
        let (act, options, index) = (props.act.clone(), props.options.clone(), props.index);
        Callback::from(move |_: MouseEvent| {
            let mut options = options.clone();
            options.build_args.remove(index);
            act.emit(Action::SetOptions(options));
        })
    };
    html! {
        <span class="build-arg" role="group" aria-label={format!("Build argument {}", props.index + 1)}>
            <input value={props.name.clone()} onchange={change(|arg, text| text.trim().clone_into(&mut arg.0))} placeholder="NAME" aria-label="Name" spellcheck="false" />
            <span aria-hidden="true">{ "=" }</span>
            <input value={props.value.clone()} onchange={change(|arg, text| arg.1 = text)} placeholder="value" aria-label="Value" spellcheck="false" />
            <button class="quiet icon" aria-label={format!("Remove build argument {}", props.name)} onclick={remove}>{ "×" }</button>
        </span>
    }
}
