//! The same for JavaScript: values go over as text and bytes, answers come back as JSON.

use crate::recorder::{Order, Recorder};
use crate::{CachedPreview, samples};
use serde_json::json;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// Says what panicked, where all that is left otherwise is `unreachable`.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|info| console_error(&info.to_string())));
}

/// Builds as they were recorded.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Builds {
    recorder: Recorder,
}

#[wasm_bindgen]
impl Builds {
    /// No files, no images, an empty cache.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Builds {
        Builds::default()
    }

    /// Takes an image from an archive.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn base(&mut self, name: &str, archive: &[u8]) -> Result<(), JsError> {
        Ok(self.recorder.base(name, archive)?)
    }

    /// Empties the context.
    pub fn clear(&mut self) {
        self.recorder.clear();
    }

    /// Puts a file that was changed `age` seconds ago.
    pub fn put(&mut self, path: &str, mode: u32, age: i32, bytes: &[u8]) {
        self.recorder.put(path, mode, age.into(), bytes);
    }

    /// Puts a directory.
    pub fn put_dir(&mut self, path: &str, mode: u32) {
        self.recorder.put_dir(path, mode);
    }

    /// Puts a symbolic link.
    pub fn put_symlink(&mut self, path: &str, target: &str) {
        self.recorder.put_symlink(path, target);
    }

    /// Builds with `NAME=VALUE` build arguments: `{image_id, config, diff_ids, steps: [[stage, step, cached]]}` or
    /// `{error: {message, line}}`.
    pub fn build(&mut self, build_args: Vec<String>, target: &str) -> String {
        let pair = |text: &String| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (name.to_owned(), value.to_owned())
        };
        let order = Order {
            build_args: build_args.iter().map(pair).collect(),
            target: Some(target.to_owned()),
        };
        let answer = match self.recorder.build(order) {
            Ok(made) => json!({
                "image_id": made.image.id().to_string(),
                "config": String::from_utf8_lossy(&made.image.config_bytes),
                "diff_ids": made.image.layers.iter().map(|layer| layer.diff_id.to_string()).collect::<Vec<_>>(),
                "steps": made.steps,
            }),
            Err(wrong) => json!({"error": {"message": wrong.message, "line": wrong.line}}),
        };
        answer.to_string()
    }

    /// Checks the Dockerfile: `[[rule, line, detail]]`.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn check(&self) -> Result<String, JsError> {
        let found = self.recorder.check().map_err(|wrong| JsError::new(&wrong.message))?;
        let warning = |found: &dockerfile::Diagnostic| json!([found.code, found.line, found.message]);
        // Build checks have BuildKit's names; what else is worth a warning here has a name in kebab-case.
        let is_check = |found: &&dockerfile::Diagnostic| {
            found.severity == dockerfile::Severity::Warning
                && found.code.starts_with(|first: char| first.is_ascii_uppercase())
        };
        let warnings = found.iter().filter(is_check);
        Ok(serde_json::Value::from(warnings.map(warning).collect::<Vec<_>>()).to_string())
    }
}

/// What is timed.
#[wasm_bindgen]
pub struct Figures {
    text: String,
    preview: CachedPreview,
}

#[wasm_bindgen]
impl Figures {
    /// Makes the samples.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "only JavaScript makes one")]
    pub fn new() -> Figures {
        Figures {
            text: samples::dockerfile_of_200_lines(),
            preview: CachedPreview::new(),
        }
    }

    /// Reads, plans and checks 200 lines; returns how much was found.
    pub fn check_200_lines(&self) -> usize {
        samples::check(&self.text)
    }

    /// Previews 50 cached steps over 2,000 files; returns how many lines the answer has.
    pub fn preview_50_steps(&mut self) -> usize {
        self.preview.preview().lines.len()
    }
}
