//! The local images as the program's own commands list them, read.

use messages::LocalImage;
use oci::{ContainerConfig, Digest, Reference};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The words of the command that lists images, one JSON document a line.
pub(super) const LIST: [&str; 4] = ["images", "--no-trunc", "--format", "json"];

/// What Docker calls a name or a tag that is not there.
const NONE: &str = "<none>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    repository: String,
    tag: String,
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    created_since: String,
    #[serde(default)]
    size: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    config: Option<ContainerConfig>,
}

/// Reads what [`LIST`] prints.
///
/// # Errors
///
/// If it is something else.
pub(super) fn read(listed: &[u8]) -> Result<Vec<LocalImage>, String> {
    let rows = serde_json::Deserializer::from_slice(listed).into_iter::<Row>();
    let image = |row: Row| LocalImage {
        id: row.id,
        name: match (row.repository.as_str(), row.tag.as_str()) {
            (NONE, _) | (_, NONE) => String::new(),
            (repository, tag) => format!("{repository}:{tag}"),
        },
        created: row.created_since,
        size: row.size,
    };
    rows.map(|row| row.map(image))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("expected the list of images as JSON, found something else: {error}"))
}

/// The configurations in what `image inspect` prints, by the full names of the images it was asked about.
pub(super) fn configs(names: &[&str], inspected: &[u8]) -> BTreeMap<String, ContainerConfig> {
    let all: Vec<Inspected> = serde_json::from_slice(inspected).unwrap_or_default();
    let named = names.iter().filter_map(|name| full_name(name)).zip(all);
    named
        .map(|(name, image)| (name, image.config.unwrap_or_default()))
        .collect()
}

/// A name with its registry and its tag, so that equal images have equal names.
pub(super) fn full_name(name: &str) -> Option<String> {
    Some(Reference::parse(name).ok()?.or_latest().to_string())
}

/// Whether a text is the name or the whole ID of an image.
pub(super) fn is_image(text: &str) -> bool {
    !text.starts_with('-') && (Reference::parse(text).is_ok() || text.parse::<Digest>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_listed_with_their_names() {
        let id = format!("sha256:{}", "a".repeat(64));
        let line = |repository: &str, tag: &str| {
            format!(
                "{{\"Repository\":\"{repository}\",\"Tag\":\"{tag}\",\"ID\":\"{id}\",\"CreatedSince\":\"now\",\"Size\":\"7MB\",\"Other\":1}}\n"
            )
        };
        let images = read((line("site", "latest") + &line(NONE, NONE)).as_bytes()).unwrap();
        assert_eq!((images[0].name.as_str(), images[1].name.as_str()), ("site:latest", ""));
        assert_eq!((images[0].id.as_str(), images[0].size.as_str()), (id.as_str(), "7MB"));
        assert_eq!(read(b""), Ok(Vec::new()));
        assert!(read(b"REPOSITORY TAG").is_err());
    }

    #[test]
    fn triggers_are_found_by_any_spelling_of_the_name() {
        let inspected = br#"[{"Id":"x","Config":{"OnBuild":["RUN x"]}},{"Id":"y","Config":null}]"#;
        let configs = configs(&["busybox:latest", "localhost:5000/a:1"], inspected);
        let found = &configs[&full_name("docker.io/library/busybox").unwrap()];
        assert_eq!(found.on_build, ["RUN x"]);
        assert!(configs[&full_name("localhost:5000/a:1").unwrap()].on_build.is_empty());
    }

    #[test]
    fn an_image_is_no_flag_and_no_path() {
        for good in ["busybox", "localhost:5000/a/b:1", &format!("sha256:{}", "a".repeat(64))] {
            assert!(is_image(good), "{good}");
        }
        for bad in ["", "-h", "--output=/x", "/etc/passwd", "../x", "A b", "a\nb"] {
            assert!(!is_image(bad), "{bad}");
        }
    }
}
