//! The line to the native companion: requests with the token of the link, answers as they come.
//!
//! Without a token nothing is asked at all: a page that is served by anyone else has no companion.

use base64::{Engine, engine::general_purpose::STANDARD};
use js_sys::{Array, Reflect, Uint8Array};
use messages::{Go, Hello, NativePlan, OfImage, ProjectFile, Refusal, RunEvent, Stop};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File, Headers, ReadableStreamDefaultReader, RequestInit, Response};
use yew::Callback;

use crate::{browser, model::Project};

/// What the part of a link behind `#` begins with if it holds a token.
const MARK: &str = "token=";
/// Digits of a token.
const DIGITS: usize = 64;

/// A companion that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Companion {
    token: String,
}

impl Companion {
    /// The companion of the link, or of this tab. A token is taken out of the address, where others could read it, and kept for as long
    /// as the tab lives.
    pub(crate) fn of_link() -> Option<Companion> {
        if let Some(token) = token(&browser::hash()) {
            browser::keep_token(&token);
            // If the address cannot be changed, the token stays in it, and all works the same.
            _ = browser::set_hash("");
        }
        let token = browser::kept_token()?;
        is_token(&token).then_some(Companion { token })
    }

    /// Who answers.
    pub(crate) async fn hello(self) -> Option<Hello> {
        let response = self.send("hello", None).await.ok()?;
        read(response).await.ok()
    }

    /// What a build of the project would execute.
    ///
    /// # Errors
    ///
    /// Why there is no plan, one line each.
    pub(crate) async fn plan(self, project: &Project) -> Result<NativePlan, String> {
        let files = project.files.iter().map(|(path, file)| ProjectFile {
            path: path.to_string(),
            mode: file.mode,
            base64: STANDARD.encode(&file.bytes),
        });
        let asked = messages::Project {
            files: files.collect(),
            options: project.options.clone(),
        };
        read(self.post("plan", &asked).await?).await
    }

    /// Executes a plan that a person agreed to, and tells what happens.
    pub(crate) async fn go(self, hash: &str, hear: Callback<RunEvent>) {
        self.follow("go", &Go { hash: hash.to_owned() }, hear).await;
    }

    /// Stops it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) async fn stop(self, hash: &str) -> Result<(), String> {
        self.post("stop", &Stop { hash: hash.to_owned() }).await.map(|_| ())
    }

    /// The images of the machine.
    ///
    /// # Errors
    ///
    /// Why they are not told.
    pub(crate) async fn images(self) -> Result<Vec<messages::LocalImage>, String> {
        read(self.send("images", None).await?).await
    }

    /// Pushes or pulls an image, and tells what happens.
    pub(crate) async fn transfer(self, verb: &str, image: &str, hear: Callback<RunEvent>) {
        self.follow(
            verb,
            &OfImage {
                image: image.to_owned(),
            },
            hear,
        )
        .await;
    }

    /// An image as an archive, which the browser keeps wherever it has room.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) async fn save(self, image: &str) -> Result<File, String> {
        let response = self
            .post(
                "save",
                &OfImage {
                    image: image.to_owned(),
                },
            )
            .await?;
        let blob = JsFuture::from(response.blob().map_err(lost)?).await.map_err(lost)?;
        let parts = Array::of1(blob.unchecked_ref::<Blob>());
        let name = format!("{}.tar", image.replace(['/', ':'], "_"));
        File::new_with_blob_sequence(&parts, &name).map_err(lost)
    }

    async fn follow(self, path: &str, body: &impl Serialize, hear: Callback<RunEvent>) {
        let failed = |message| RunEvent::Failed { message, report: None };
        match self.post(path, body).await {
            Err(why) => hear.emit(failed(why)),
            Ok(response) => {
                let is_over = listen(response, &hear).await;
                if !is_over.is_ok_and(|is_over| is_over) {
                    hear.emit(failed(
                        "The companion is gone: it ended, or the connection broke.".to_owned(),
                    ));
                }
            }
        }
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Response, String> {
        let text = serde_json::to_string(body).expect("strings and numbers have a JSON form");
        self.send(path, Some(text)).await
    }

    async fn send(&self, path: &str, body: Option<String>) -> Result<Response, String> {
        let headers = Headers::new().map_err(lost)?;
        headers
            .set("Authorization", &format!("Bearer {}", self.token))
            .map_err(lost)?;
        let init = RequestInit::new();
        if let Some(body) = body {
            headers.set("Content-Type", "application/json").map_err(lost)?;
            init.set_method("POST");
            init.set_body(&body.into());
        }
        init.set_headers(&headers);
        let address = browser::address(&format!("api/{path}"));
        let answered = gloo::utils::window().fetch_with_str_and_init(&address, &init);
        let response: Response = JsFuture::from(answered).await.map_err(lost)?.unchecked_into();
        if response.ok() {
            return Ok(response);
        }
        let status = response.status();
        let refusal = read::<Refusal>(response).await;
        Err(refusal.map_or_else(
            |_| format!("The companion answered with status {status}."),
            |refusal| refusal.error,
        ))
    }
}

/// The token in the part of a link behind `#`.
fn token(hash: &str) -> Option<String> {
    let token = hash.trim_start_matches('#').strip_prefix(MARK)?;
    is_token(token).then(|| token.to_owned())
}

fn is_token(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, String> {
    let text = JsFuture::from(response.text().map_err(lost)?).await.map_err(lost)?;
    serde_json::from_str(&text.as_string().unwrap_or_default())
        .map_err(|error| format!("The companion answered with something else: {error}."))
}

/// Hears events until the stream ends. True if the last one says that all is over.
async fn listen(response: Response, hear: &Callback<RunEvent>) -> Result<bool, String> {
    let Some(body) = response.body() else {
        return Ok(false);
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let (mut waiting, mut is_over) = (Vec::new(), false);
    loop {
        let piece = JsFuture::from(reader.read()).await.map_err(lost)?;
        if Reflect::get(&piece, &"done".into()).map_err(lost)?.is_truthy() {
            return Ok(is_over);
        }
        let value = Reflect::get(&piece, &"value".into()).map_err(lost)?;
        waiting.extend(Uint8Array::new(&value).to_vec());
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            let event = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
            is_over = matches!(event, RunEvent::Done { .. } | RunEvent::Failed { .. });
            hear.emit(event);
        }
    }
}

/// What the browser says when a request does not come through.
fn lost(_: JsValue) -> String {
    "The companion does not answer: is `layerlab play` still running?".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_with_a_whole_token_has_one() {
        let digits = "0123456789abcdef".repeat(4);
        assert_eq!(token(&format!("#token={digits}")), Some(digits.clone()));
        for hash in [
            "",
            "#",
            "#token=",
            "#token=abc",
            &format!("#token={digits}0"),
            &format!("#v1.{digits}"),
            &format!("#token={}", "z".repeat(64)),
        ] {
            assert_eq!(token(hash), None, "{hash}");
        }
    }
}
