//! What `docker image inspect` says of an image.

use super::super::containers::config_json;
use super::super::json::{Json, object, texts};
use super::super::{Daemon, Refusal};
use oci::Time;

impl Daemon {
    /// The value that `docker image inspect` prints, in the order of Docker's fields.
    ///
    /// # Errors
    ///
    /// As [`image`](Daemon::image).
    ///
    /// Source: moby, `api/types/image`, `InspectResponse`.
    pub fn inspect_image(&self, name: &str) -> Result<Json, Refusal> {
        let stored = self.image(name)?;
        let config = &stored.image.config;
        let comment = config.history.last().map_or("", |step| step.comment.as_str());
        let mut fields = vec![
            ("Id", Json::from(stored.id.to_string())),
            ("RepoTags", texts(self.repo_tags(stored.id))),
            ("RepoDigests", texts(self.repo_digests(stored.id))),
            (
                "Parent",
                stored.parent.map_or_else(String::new, |id| id.to_string()).into(),
            ),
            ("Comment", comment.into()),
            ("Created", time_or_empty(config.created.map(|stamp| stamp.time)).into()),
            ("DockerVersion", "".into()),
            ("Author", config.author.as_str().into()),
            ("Config", config_json(&config.config, None)),
            ("Architecture", config.platform.architecture.as_str().into()),
        ];
        if !config.platform.variant.is_empty() {
            fields.push(("Variant", config.platform.variant.as_str().into()));
        }
        fields.push(("Os", config.platform.os.as_str().into()));
        if !config.platform.os_version.is_empty() {
            fields.push(("OsVersion", config.platform.os_version.as_str().into()));
        }
        fields.push(("Size", Json::Number(stored.size() as i64)));
        let chain = stored.chain_ids().into_iter().map(|chain| chain.0).collect::<Vec<_>>();
        fields.push(("GraphDriver", self.places.graph_driver(None, &chain)));
        fields.push((
            "RootFS",
            object([
                ("Type", "layers".into()),
                ("Layers", texts(config.diff_ids.iter().map(|id| id.0.to_string()))),
            ]),
        ));
        let tagged = stored
            .tagged
            .map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |time| time.to_string());
        fields.push(("Metadata", object([("LastTagTime", tagged.into())])));
        Ok(Json::Object(
            fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        ))
    }
}

pub(crate) fn time_or_empty(time: Option<Time>) -> String {
    time.map_or_else(String::new, |time| time.to_string())
}
