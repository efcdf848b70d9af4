//! CodeMirror, where its bundle is there: loaded after the first paint, fed by our own tokens and problems.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint32Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlTextAreaElement};

use crate::browser;

#[wasm_bindgen(inline_js = "export function load(address) { return import(address); }")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn load(address: &str) -> Result<Promise, JsValue>;
}

/// Whether there is a rich editor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Editor {
    /// Not known yet.
    Coming,
    /// The page was built without it, or it did not come.
    Plain,
    /// Here.
    Rich(Bundle),
}

/// The editor's module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bundle {
    create: Function,
    /// Where the cursor was in the plain editor, if one was typing there when the module came.
    pub(crate) cursor: Option<u32>,
}

/// Loads the module that the page's `layerlab-editor` names.
pub(crate) async fn load_editor() -> Editor {
    bundle().await.map_or(Editor::Plain, Editor::Rich)
}

async fn bundle() -> Option<Bundle> {
    let name = browser::meta("layerlab-editor");
    if name.is_empty() {
        return None;
    }
    let module = JsFuture::from(load(&browser::address(&name)).ok()?).await.ok()?;
    let create = Reflect::get(&module, &"create".into()).ok()?.dyn_into().ok()?;
    let active = gloo::utils::document().active_element();
    let area = active.and_then(|element| element.dyn_into::<HtmlTextAreaElement>().ok());
    Some(Bundle {
        create,
        cursor: area.and_then(|area| area.selection_start().ok().flatten()),
    })
}

/// UTF-16 units to replace, and (label, detail) of each offer.
pub(crate) type Offers = (usize, Vec<(String, String)>);

/// What an editor needs to know and to tell.
pub(crate) struct Page {
    /// Its accessible name.
    pub(crate) label: String,
    /// Names of classes, by number.
    pub(crate) classes: &'static [&'static str],
    /// Text → start, end, class, …
    pub(crate) tokens: Box<dyn Fn(String) -> Vec<u32>>,
    /// Text before the cursor → units to replace, and offers as (label, detail).
    pub(crate) offers: Box<dyn Fn(String) -> Offers>,
    /// The text was changed by typing.
    pub(crate) changed: Box<dyn Fn(String)>,
    /// The cursor is on this line.
    pub(crate) moved: Box<dyn Fn(usize)>,
    /// Ctrl-Enter.
    pub(crate) build: Box<dyn Fn()>,
}

/// One editor on the page.
pub(crate) struct Rich {
    handle: JsValue,
    // JavaScript calls them until the editor is destroyed.
    _closures: Vec<Closure<dyn FnMut(JsValue) -> JsValue>>,
}

impl Rich {
    /// Makes an editor in `parent`; `None` if its module is not as expected.
    pub(crate) fn new(bundle: &Bundle, parent: &Element, text: &str, page: Page) -> Option<Rich> {
        let object = Object::new();
        let mut closures = Vec::new();
        let mut offer = |name: &str, f: Box<dyn FnMut(JsValue) -> JsValue>| {
            let closure = Closure::wrap(f);
            _ = Reflect::set(&object, &name.into(), closure.as_ref());
            closures.push(closure);
        };
        let Page {
            label,
            classes,
            tokens,
            offers,
            changed,
            moved,
            build,
        } = page;
        let text_of = |value: JsValue| value.as_string().unwrap_or_default();
        offer(
            "tokens",
            Box::new(move |text| Uint32Array::from(tokens(text_of(text)).as_slice()).into()),
        );
        offer(
            "offers",
            Box::new(move |before| {
                let (replaced, offers) = offers(text_of(before));
                let offers: Array = offers
                    .into_iter()
                    .map(|(label, detail)| Array::of2(&label.into(), &detail.into()))
                    .collect();
                Array::of2(&(replaced as u32).into(), &offers).into()
            }),
        );
        offer(
            "changed",
            Box::new(move |text| (changed(text_of(text)), JsValue::UNDEFINED).1),
        );
        offer(
            "moved",
            Box::new(move |line| (moved(line.as_f64().unwrap_or(1.0) as usize), JsValue::UNDEFINED).1),
        );
        offer("build", Box::new(move |_| (build(), JsValue::UNDEFINED).1));
        let classes: Array = classes.iter().map(|name| JsValue::from(*name)).collect();
        _ = Reflect::set(&object, &"classes".into(), &classes);
        _ = Reflect::set(&object, &"label".into(), &label.into());
        let handle = bundle
            .create
            .call3(&JsValue::NULL, parent, &text.into(), &object)
            .ok()?;
        Some(Rich {
            handle,
            _closures: closures,
        })
    }

    /// Takes over a text from outside; `label` names the file.
    pub(crate) fn set(&self, text: &str, label: &str) {
        self.call("set", &Array::of2(&text.into(), &label.into()));
    }

    /// Underlines: start, end (UTF-16), severity, message.
    pub(crate) fn problems(&self, problems: &[(usize, usize, String, String)]) {
        let flat = problems.iter().flat_map(|(start, end, severity, message)| {
            [
                JsValue::from(*start as u32),
                JsValue::from(*end as u32),
                JsValue::from(severity),
                JsValue::from(message),
            ]
        });
        let flat: Array = flat.collect();
        self.call("problems", &Array::of1(&flat));
    }

    /// Marks lines as selected; (1, 0) marks none.
    pub(crate) fn select(&self, first: usize, last: usize) {
        self.call("select", &Array::of2(&(first as u32).into(), &(last as u32).into()));
    }

    /// Takes the focus, with the cursor at an offset in UTF-16 units.
    pub(crate) fn focus(&self, at: u32) {
        self.call("focus", &Array::of1(&at.into()));
    }

    fn call(&self, method: &str, args: &Array) {
        let Ok(function) = Reflect::get(&self.handle, &method.into()).and_then(JsValue::dyn_into::<Function>) else {
            return;
        };
        // An editor that fails to redraw must not take the page with it.
        _ = function.apply(&self.handle, args);
    }
}

impl Drop for Rich {
    fn drop(&mut self) {
        self.call("destroy", &Array::new());
    }
}
