//! `secret-in-layer`: files that look like secrets and are copied into a layer, where everyone who has the image can read them.

use crate::command::{commands, last};
use crate::copied::{Takes, files, items};
use crate::{Advice, Scene, figures};
use planner::{Action, Step};
use std::collections::BTreeMap;
use store::{BlobStore, Content, Fate, ShippedFile};

const CODE: &str = "secret-in-layer";
/// No file that is read for signs of a secret is longer.
const MAX_SECRET: u64 = 1 << 20;

/// A secret that a step copies.
struct Found {
    /// As the context or the image names it.
    path: String,
    bytes: Option<u64>,
    /// The line that deletes it, if one does.
    deleted_by: Option<usize>,
}

pub(crate) fn advise(scene: &Scene<'_>) -> Vec<Advice> {
    let mut found = Vec::new();
    for (step, mut secrets) in if scene.shipped.is_some() {
        shipped(scene)
    } else {
        planned(scene)
    } {
        secrets.sort_by(|a, b| a.path.cmp(&b.path));
        found.push(advice(&scene.plan.steps[step], &secrets));
    }
    found
}

/// Whether a file of a layer is one that this rule reports.
pub(crate) fn is_shipped_secret(scene: &Scene<'_>, maker: usize, file: &ShippedFile) -> bool {
    matches!(scene.plan.steps[maker].action, Action::Copy(_) | Action::Link { .. })
        && looks_secret(file.path.as_str(), Some(file.content), scene.blobs)
}

/// Those in the layers of an image.
fn shipped(scene: &Scene<'_>) -> BTreeMap<usize, Vec<Found>> {
    let mut found: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
    for file in scene.shipped.iter().flat_map(|shipped| &shipped.usage.files) {
        let Some(maker) = scene.maker(file.layer) else { continue };
        if is_shipped_secret(scene, maker, file) {
            let hider = match &file.fate {
                Fate::Hidden { by, .. } => scene.maker(*by),
                Fate::Visible => None,
            };
            found.entry(maker).or_default().push(Found {
                path: file.path.as_str().to_owned(),
                bytes: Some(file.content.size()),
                deleted_by: hider.map(|step| scene.plan.steps[step].lines.0),
            });
        }
    }
    found
}

/// Those that a build would copy.
fn planned(scene: &Scene<'_>) -> BTreeMap<usize, Vec<Found>> {
    let files = scene.context.map(files);
    let in_image = scene.in_image();
    let mut found: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
    for (index, step) in scene.steps().filter(|(index, _)| in_image.contains(index)) {
        let Action::Copy(copy) = &step.action else { continue };
        let Some(takes) = Takes::of(scene.plan, &step.action) else {
            continue;
        };
        let paths: Vec<(String, Option<u64>)> = if let Some(files) = &files {
            let taken = files.iter().filter(|file| takes.has(&file.path));
            let secret = taken.filter(|file| looks_secret(&file.path, Some(file.content), scene.blobs));
            secret.map(|file| (file.path.clone(), Some(file.size()))).collect()
        } else {
            let named = items(scene.plan, copy).filter(|item| looks_secret(&item.path, None, None));
            named
                .map(|item| (item.path.trim_start_matches('/').to_owned(), None))
                .collect()
        };
        for (path, bytes) in paths {
            let deleted_by = deleted_after(scene, index, last(&path));
            found.entry(index).or_default().push(Found {
                path,
                bytes,
                deleted_by,
            });
        }
    }
    found
}

/// The line of the first later RUN that says `rm NAME`.
fn deleted_after(scene: &Scene<'_>, copy: usize, name: &str) -> Option<usize> {
    let deletes = |step: &Step| match &step.action {
        Action::Run(run) => commands(run)
            .iter()
            .any(|words| words[0] == "rm" && words[1..].iter().any(|word| last(word) == name)),
        _ => false,
    };
    let later = scene.steps().filter(|(index, _)| *index > copy);
    later
        .map(|(_, step)| step)
        .find(|step| deletes(step))
        .map(|step| step.lines.0)
}

/// Whether a file looks like a secret: by its name, and by its bytes where they are known and names do not suffice.
fn looks_secret(path: &str, content: Option<Content>, blobs: Option<&dyn BlobStore>) -> bool {
    let name = last(path).to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let text = || match content {
        Some(Content::Blob { digest, size }) if size <= MAX_SECRET => blobs?.get(&digest).ok(),
        _ => None,
    };
    let says = |words: &[&str], unknown: bool| {
        text().map_or(unknown, |text| {
            let text = String::from_utf8_lossy(&text);
            words.iter().any(|word| text.contains(word))
        })
    };
    match name.as_str() {
        ".env" | "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" | "credentials" | "credentials.json" | ".netrc"
        | ".git-credentials" | ".pypirc" | ".pgpass" | ".htpasswd" | ".dockercfg" | ".dockerconfigjson" => true,
        ".npmrc" => says(&["_authToken", "_password", "_auth="], false),
        "config.json" if path.ends_with(".docker/config.json") => says(&["\"auth\""], false),
        _ if name.starts_with(".env.") => !ends(&[".example", ".sample", ".template", ".dist", ".defaults"]),
        _ if ends(&[".pem"]) => says(&["PRIVATE KEY"], true),
        _ if ends(&[".key"]) => says(&["PRIVATE KEY"], false),
        _ => ends(&[".p12", ".pfx", ".jks", ".keystore"]),
    }
}

fn advice(step: &Step, secrets: &[Found]) -> Advice {
    let names: Vec<String> = secrets.iter().map(|secret| secret.path.clone()).collect();
    let sizes: Option<Vec<u64>> = secrets.iter().map(|secret| secret.bytes).collect();
    let bytes = sizes.map(|sizes| sizes.iter().sum());
    let size = bytes.map_or_else(String::new, |bytes| format!(" ({})", figures::bytes(bytes, false)));
    let (it, reads) = if names.len() == 1 {
        ("it", "looks like a secret")
    } else {
        ("them", "look like secrets")
    };
    let line = step.lines.0;
    let deleted = secrets.iter().find_map(|secret| secret.deleted_by);
    let end = match deleted {
        Some(by) => format!(" Line {by} deletes {it}, but the layer of line {line} keeps {it}."),
        None => String::new(),
    };
    let message = format!(
        "{}{size} {reads}: line {line} puts {it} into a layer, and everyone who has the image can read {it}.{end}",
        figures::list(&names)
    );
    let hint = format!(
        "Keep {it} out of the image: let an ignore file name {it}, and give a RUN that needs {it} `--mount=type=secret`."
    );
    Advice {
        bytes,
        ..Advice::of(CODE, step, message, hint)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, codes};

    const TEXT: &str = "FROM scratch\nWORKDIR /app\nCOPY .env ./\nRUN rm .env\n";

    #[test]
    fn a_secret_that_is_copied_and_deleted_stays_in_its_layer() {
        let found = Bench::new(TEXT, &[(".env", "TOKEN=hush\n")]).advise();
        assert_eq!(
            found[0].message,
            ".env (11 B) looks like a secret: line 3 puts it into a layer, and everyone who has the image can read it. Line 4 \
             deletes it, but the layer of line 3 keeps it."
        );
        assert_eq!(
            (codes(&found), found[0].line, found[0].bytes),
            (vec!["secret-in-layer"], 3, Some(11))
        );
    }

    #[test]
    fn the_image_says_the_same_as_the_plan() {
        let plan = Bench::new("FROM scratch\nCOPY .env /\nRUN rm .env\n", &[(".env", "TOKEN=hush\n")]);
        let image = plan.clone().layers(&[&[(".env", 11)], &[(".wh..env", 0)]]);
        assert_eq!(plan.advise()[0].message, image.advise()[0].message);
    }

    #[test]
    fn a_copy_of_everything_takes_the_secrets_too() {
        let files = &[
            ("app.js", ""),
            ("keys/server.pem", "-----BEGIN PRIVATE KEY-----"),
            ("keys/root.pem", "-----BEGIN CERTIFICATE-----"),
            (".npmrc", "//registry/:_authToken=x"),
            (".env.example", ""),
        ];
        let found = Bench::new("FROM scratch\nCOPY . /app\n", files).advise();
        assert!(
            found[0].message.starts_with(".npmrc and keys/server.pem ("),
            "{}",
            found[0].message
        );
    }

    #[test]
    fn what_is_public_left_out_mounted_or_not_shipped_is_fine() {
        let files = &[(".env", "A=b"), (".npmrc", "engine-strict=true"), ("a.js", "")];
        let good = [
            "FROM scratch\nCOPY a.js .npmrc /\n",
            "FROM scratch\nCOPY --exclude=.env . /\n",
            "FROM scratch\nRUN --mount=type=secret,id=env,target=/.env cat /.env\n",
            "FROM scratch AS a\nCOPY .env /\nRUN make\nFROM scratch\nCOPY --from=a /out /\n",
        ];
        for text in good {
            assert_eq!(codes(&Bench::new(text, files).advise()), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn without_a_context_the_name_in_the_copy_counts() {
        assert_eq!(codes(&Bench::without_context(TEXT).advise()), ["secret-in-layer"]);
    }
}
