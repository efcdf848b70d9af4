//! An image that was built, as the page shows it.

use builder::{Built, Fidelity};
use messages::{HistoryView, ImageView, LayerView};
use oci::{Digest, Reference};
use planner::Plan;
use std::collections::BTreeMap;
use store::layout::{Layout, Packing, Tagged};
use store::{Fate, Image, Layer, LentBlobs, Usage};

/// Everything the page shows of an image.
pub(crate) fn view(built: &Built, plan: &Plan, tag: &str, (ran, cached): (usize, usize)) -> ImageView {
    let image = &built.image;
    let simulated = built.fidelity == Fidelity::Simulated || image.is_simulated();
    ImageView {
        tag: tag.to_owned(),
        id: image.id().to_string(),
        manifest: image.digest().to_string(),
        simulated,
        bytes: image.layers.iter().map(Layer::bytes).sum(),
        layers: layers(built, plan),
        history: history(image),
        config: pretty(&image.config_bytes),
        manifest_json: String::from_utf8_lossy(&image.manifest_bytes).into_owned(),
        ran,
        cached,
    }
}

fn layers(built: &Built, plan: &Plan) -> Vec<LayerView> {
    let image = &built.image;
    let usage = Usage::of(&image.layers).unwrap_or_default();
    let instructions = image
        .steps()
        .filter_map(|(history, layer)| layer.map(|_| history.created_by.clone()));
    let mut instructions: Vec<String> = instructions.collect();
    instructions.resize(image.layers.len(), String::new());
    let chain = image.chain_ids();
    let mut views = Vec::new();
    for (n, layer) in image.layers.iter().enumerate() {
        let origin = built.origins.get(n).copied().flatten();
        // A command is simulated even where all that it wrote has bytes.
        let is_run = origin.is_some_and(|step| matches!(plan.steps[step].action, planner::Action::Run(_)));
        let simulated = layer.is_simulated() || (is_run && built.fidelity == Fidelity::Simulated);
        let use_of = usage.layers.get(n).copied().unwrap_or_default();
        views.push(LayerView {
            instruction: match origin {
                Some(step) => plan.steps[step].text.clone(),
                None => instructions[n].clone(),
            },
            line: origin.map(|step| plan.steps[step].lines.0),
            base: n < built.n_base,
            simulated,
            diff_id: layer.diff_id.to_string(),
            chain_id: chain.get(n).map(ToString::to_string).unwrap_or_default(),
            bytes: layer.bytes(),
            added: use_of.added.bytes,
            changed: use_of.changed.bytes,
            hidden: use_of.hidden_bytes,
            hidden_by: hidden_by(&usage, n, built, plan),
        });
    }
    views
}

/// `41.2 MB hidden by line 4`, the layer that hides most first.
fn hidden_by(usage: &Usage, layer: usize, built: &Built, plan: &Plan) -> String {
    let mut by_layer: BTreeMap<usize, u64> = BTreeMap::new();
    for file in usage.files.iter().filter(|file| file.layer == layer) {
        if let Fate::Hidden { by, .. } = file.fate {
            *by_layer.entry(by).or_default() += file.content.size();
        }
    }
    let mut by_layer: Vec<(usize, u64)> = by_layer.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    by_layer.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let name = |by: usize| match built.origins.get(by).copied().flatten() {
        Some(step) => format!("line {}", plan.steps[step].lines.0),
        None => format!("layer {by} of the base image"),
    };
    let texts = by_layer
        .iter()
        .map(|(by, bytes)| format!("{} hidden by {}", spaced(*bytes), name(*by)));
    texts.collect::<Vec<_>>().join(", ")
}

/// `41.2 MB`: Docker's figure with the space that the page puts before a unit.
fn spaced(bytes: u64) -> String {
    let text = cli::units::size(bytes);
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    format!("{} {}", &text[..unit], &text[unit..])
}

fn history(image: &Image) -> Vec<HistoryView> {
    let mut layer_idx = 0;
    let entry = |(history, layer): (&oci::History, Option<&Layer>)| {
        let view = HistoryView {
            created: history.created.map(|time| time.to_string()).unwrap_or_default(),
            created_by: history.created_by.clone(),
            bytes: layer.map_or(0, Layer::bytes),
            empty: history.empty_layer,
            layer: layer.map(|_| layer_idx),
        };
        layer_idx += usize::from(layer.is_some());
        view
    };
    image.steps().map(entry).collect()
}

/// JSON with indentation; the bytes as they are if they are none.
fn pretty(json: &[u8]) -> String {
    let value = serde_json::from_slice::<serde_json::Value>(json);
    let text = value.and_then(|value| serde_json::to_string_pretty(&value));
    text.unwrap_or_else(|_| String::from_utf8_lossy(json).into_owned())
}

/// A name to save the image under: `site_latest.tar`.
pub(crate) fn archive_name(tag: &str, id: &Digest) -> String {
    let name: String = tag
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    if name.is_empty() {
        format!("{}.tar", id.short())
    } else {
        format!("{name}.tar")
    }
}

/// An archive is handed over as one piece, which must not be larger, in bytes.
const MAX_ARCHIVE: u64 = 1 << 30;

/// The image as a tar that `docker load` accepts, its layers as plain tars.
///
/// # Errors
///
/// A sentence, if its bytes cannot be had or are too many.
pub(crate) fn archive(image: &Image, tag: &str, blobs: &LentBlobs) -> Result<Vec<u8>, String> {
    let names = match tag {
        "" => Vec::new(),
        tag => vec![
            Reference::parse(tag)
                .map_err(|error| format!("{tag:?}: {error}"))?
                .or_latest(),
        ],
    };
    let tagged = Tagged {
        image: image.clone(),
        names,
    };
    // Plain packing stores nothing, so a copy of the store is not changed.
    let mut kept = blobs.clone();
    let layout = Layout::new(&[tagged], Packing::Plain, &mut kept).map_err(|error| error.to_string())?;
    let size: u64 = layout.files().map(|file| file.size()).sum();
    if size > MAX_ARCHIVE {
        return Err(format!(
            "expected an archive of at most {} to hand over, found {}",
            spaced(MAX_ARCHIVE),
            spaced(size)
        ));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    layout.write_tar(&kept, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::{Descriptor, DiffId, ImageConfig, media_type};
    use std::sync::Arc;
    use store::{Changeset, LayerSource};

    #[test]
    fn an_image_too_large_for_one_piece_is_not_handed_over() {
        let digest = Digest::of(b"large");
        let layer = Layer {
            diff_id: DiffId(digest),
            tar_size: 3 << 30,
            descriptor: Descriptor::new(media_type::OCI_LAYER, digest, 3 << 30),
            source: LayerSource::Blob,
            changes: Arc::new(Changeset::default()),
        };
        let image = Image::new(ImageConfig::default(), vec![layer]);
        assert_eq!(
            archive(&image, "large", &LentBlobs::default()),
            Err("expected an archive of at most 1.07 GB to hand over, found 3.22 GB".to_owned())
        );
    }
}
