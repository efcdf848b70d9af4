//! How an image was made: `docker image history`.

use super::super::{Daemon, Refusal};
use oci::{Digest, Timestamp};

/// One step of an image's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The image that ended with this step, if it is here: the image itself, and the images of its steps. Docker shows
    /// `<missing>` for the others.
    pub id: Option<Digest>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// By which instruction.
    pub created_by: String,
    /// The bytes of the files of its layer; 0 without one.
    pub size: u64,
    /// A remark.
    pub comment: String,
    /// Names of the image that ended with it.
    pub tags: Vec<String>,
}

impl Daemon {
    /// The history of an image, last step first.
    ///
    /// # Errors
    ///
    /// As [`image`](Daemon::image).
    pub fn history(&self, name: &str) -> Result<Vec<HistoryRow>, Refusal> {
        let stored = self.image(name)?;
        let mut rows: Vec<HistoryRow> = stored
            .image
            .steps()
            .map(|(step, layer)| HistoryRow {
                id: None,
                created: step.created,
                created_by: step.created_by.clone(),
                size: layer.map_or(0, store::Layer::bytes),
                comment: step.comment.clone(),
                tags: Vec::new(),
            })
            .collect();
        rows.reverse();
        let lineage = std::iter::once(stored).chain(self.parents(stored.id));
        for (row, image) in rows.iter_mut().zip(lineage) {
            row.id = Some(image.id);
            row.tags = self.repo_tags(image.id);
        }
        Ok(rows)
    }
}
