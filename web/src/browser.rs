//! What the page asks of the browser besides drawing: storage, links, the clipboard, saving a file, the theme.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, ClipboardEvent, HtmlAnchorElement, Storage, Url};

const PROJECT: &str = "layerlab.project.v1";
const COMMANDS: &str = "layerlab.commands.v1";
const TOKEN: &str = "layerlab.token.v1";
const THEME: &str = "layerlab.theme";

/// Dark or light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The one after this one, for a button that goes round.
    pub(crate) fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Dark,
            Theme::Dark => Theme::Light,
            Theme::Light => Theme::System,
        }
    }

    /// Its name, in storage and in the page.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

/// The browser's storage; `None` where it is forbidden.
fn storage() -> Option<Storage> {
    gloo::utils::window().local_storage().ok().flatten()
}

/// The theme chosen last.
pub(crate) fn theme() -> Theme {
    match storage()
        .and_then(|storage| storage.get_item(THEME).ok().flatten())
        .as_deref()
    {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    }
}

/// Shows a theme, and remembers it.
pub(crate) fn set_theme(theme: Theme) {
    let root = gloo::utils::document_element();
    let shown = match theme {
        Theme::System => root.remove_attribute("data-theme"),
        chosen => root.set_attribute("data-theme", chosen.name()),
    };
    // Neither can fail here: the name is a valid attribute, and a full or forbidden storage only forgets the choice.
    let kept = storage().map(|storage| storage.set_item(THEME, theme.name()));
    _ = (shown, kept);
}

/// The project kept last, as text.
pub(crate) fn kept_project() -> Option<String> {
    storage()?.get_item(PROJECT).ok().flatten()
}

/// Keeps a project's text. Returns false where the storage is full or forbidden.
pub(crate) fn keep_project(text: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(PROJECT, text).is_ok())
}

/// The commands typed in this session, of each host, oldest first.
pub(crate) fn kept_commands() -> Vec<Vec<String>> {
    let kept = session().and_then(|storage| storage.get_item(COMMANDS).ok().flatten());
    // What something else has written there is as good as nothing.
    kept.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Keeps commands for as long as this tab lives. A full or forbidden storage forgets them.
pub(crate) fn keep_commands(commands: &[&[String]]) {
    let text = serde_json::to_string(commands).expect("strings can be written as JSON");
    _ = session().map(|storage| storage.set_item(COMMANDS, &text));
}

/// The companion's token that this tab keeps.
pub(crate) fn kept_token() -> Option<String> {
    session()?.get_item(TOKEN).ok().flatten()
}

/// Keeps the companion's token for as long as this tab lives.
pub(crate) fn keep_token(token: &str) {
    _ = session().map(|storage| storage.set_item(TOKEN, token));
}

/// The tab's storage; `None` where it is forbidden.
fn session() -> Option<Storage> {
    gloo::utils::window().session_storage().ok().flatten()
}

/// True if text of the page is selected: then Ctrl-C copies it.
pub(crate) fn is_text_selected() -> bool {
    let selection = gloo::utils::window().get_selection().ok().flatten();
    selection.is_some_and(|selection| !selection.is_collapsed())
}

/// The text of a paste.
pub(crate) fn pasted(event: &ClipboardEvent) -> Option<String> {
    event.clipboard_data()?.get_data("text").ok()
}

/// The part of the page's address behind `#`.
pub(crate) fn hash() -> String {
    gloo::utils::window().location().hash().unwrap_or_default()
}

/// Writes the part of the address behind `#` without a new entry in the history, and returns the whole address.
pub(crate) fn set_hash(hash: &str) -> Option<String> {
    let window = gloo::utils::window();
    let location = window.location();
    let address = format!("{}{}", location.pathname().ok()?, location.search().ok()?);
    let address = if hash.is_empty() {
        address
    } else {
        format!("{address}#{hash}")
    };
    window
        .history()
        .ok()?
        .replace_state_with_url(&JsValue::NULL, "", Some(&address))
        .ok()?;
    location.href().ok()
}

/// Puts text into the clipboard. The browser may refuse, silently.
pub(crate) fn copy(text: &str) {
    let promise = gloo::utils::window().navigator().clipboard().write_text(text);
    wasm_bindgen_futures::spawn_local(async move { _ = wasm_bindgen_futures::JsFuture::from(promise).await });
}

/// Offers bytes as a file to save.
///
/// # Errors
///
/// What the browser says if it cannot.
pub(crate) fn save(name: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type("application/x-tar");
    let parts = Array::of1(&Uint8Array::from(bytes));
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = gloo::utils::document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The browser has begun to read by the time this runs.
    gloo::timers::callback::Timeout::new(10_000, move || _ = Url::revoke_object_url(&url)).forget();
    Ok(())
}

/// What a `meta` element of the page says; empty if it is not there.
pub(crate) fn meta(name: &str) -> String {
    let found = gloo::utils::document()
        .query_selector(&format!("meta[name={name}]"))
        .ok()
        .flatten();
    found.and_then(|meta| meta.get_attribute("content")).unwrap_or_default()
}

/// An address relative to the page, in full.
pub(crate) fn address(relative: &str) -> String {
    let base = gloo::utils::document().base_uri().ok().flatten().unwrap_or_default();
    Url::new_with_base(relative, &base).map_or_else(|_| relative.to_owned(), |url| url.href())
}
