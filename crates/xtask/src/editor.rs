//! The code editor: CodeMirror in one file, bundled where npm is there. Without it the page keeps its plain text area.

use crate::failure::Failure;
use crate::{files, process, tools};
use std::path::Path;
use std::process::Command;

/// What stands in `index.html` for "no editor".
pub(crate) const MARK: &str = "name=\"layerlab-editor\" content=\"\"";

/// Bundles the editor into `staging` and returns its file's name, or `None` where there is no npm.
pub(crate) fn add(staging: &Path) -> Result<Option<String>, Failure> {
    let dir = files::root().join("web/editor");
    if !dir.join("package-lock.json").is_file() || !tools::has_npm() {
        println!("editor: no npm to bundle CodeMirror with; the page is built without it and has a plain text area");
        return Ok(None);
    }
    tools::npm_ci(&dir)?;
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "build", "--prefix"]).arg(&dir);
    process::run(
        &mut npm,
        "see esbuild's message above; the editor's source is in web/editor",
    )?;
    let bundle = files::read_bytes(&files::root().join("web/generated/editor.js"))?;
    let name = format!("editor-{}.js", files::content_hash([bundle.as_slice()]));
    files::write(&staging.join(&name), bundle)?;
    Ok(Some(name))
}
