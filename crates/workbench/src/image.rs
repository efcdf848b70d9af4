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
        layers: layers(image, built.n_base, &|n| made_by(built, plan, n)),
        history: history(image),
        config: pretty(&image.config_bytes),
        manifest_json: String::from_utf8_lossy(&image.manifest_bytes).into_owned(),
        ran,
        cached,
    }
}

/// Everything the page shows of an image that no build of this project made. `title` is what a layer is called instead of the
/// instruction in the history.
pub(crate) fn view_of(
    image: &Image,
    name: &str,
    simulated: bool,
    title: impl Fn(usize) -> Option<&'static str>,
) -> ImageView {
    let mut layers = layers(image, 0, &|_| None);
    for (n, layer) in layers.iter_mut().enumerate() {
        if let Some(title) = title(n) {
            title.clone_into(&mut layer.instruction);
        }
    }
    ImageView {
        tag: name.to_owned(),
        id: image.id().to_string(),
        manifest: image.digest().to_string(),
        simulated,
        bytes: image.layers.iter().map(Layer::bytes).sum(),
        layers,
        history: history(image),
        config: pretty(&image.config_bytes),
        manifest_json: String::from_utf8_lossy(&image.manifest_bytes).into_owned(),
        ran: 0,
        cached: 0,
    }
}

/// What made a layer.
struct Maker<'a> {
    text: &'a str,
    line: usize,
    simulated: bool,
}

fn made_by<'a>(built: &Built, plan: &'a Plan, n: usize) -> Option<Maker<'a>> {
    let step = &plan.steps[built.origins.get(n).copied().flatten()?];
    // A command is simulated even where all that it wrote has bytes.
    let is_run = matches!(step.action, planner::Action::Run(_));
    Some(Maker {
        text: &step.text,
        line: step.lines.0,
        simulated: is_run && built.fidelity == Fidelity::Simulated,
    })
}

/// The layers of an image whose first `n_base` are those of its base; `maker` says of the others what made them, if that is known.
fn layers<'a>(image: &Image, n_base: usize, maker: &dyn Fn(usize) -> Option<Maker<'a>>) -> Vec<LayerView> {
    let usage = Usage::of(&image.layers).unwrap_or_default();
    let instructions = image
        .steps()
        .filter_map(|(history, layer)| layer.map(|_| history.created_by.clone()));
    let mut instructions: Vec<String> = instructions.collect();
    instructions.resize(image.layers.len(), String::new());
    let chain = image.chain_ids();
    let mut views = Vec::new();
    for (n, layer) in image.layers.iter().enumerate() {
        let made = maker(n);
        let use_of = usage.layers.get(n).copied().unwrap_or_default();
        views.push(LayerView {
            instruction: match &made {
                Some(made) => made.text.to_owned(),
                None => instructions[n].clone(),
            },
            line: made.as_ref().map(|made| made.line),
            base: n < n_base,
            simulated: layer.is_simulated() || made.as_ref().is_some_and(|made| made.simulated),
            diff_id: layer.diff_id.to_string(),
            chain_id: chain.get(n).map(ToString::to_string).unwrap_or_default(),
            bytes: layer.bytes(),
            added: use_of.added.bytes,
            changed: use_of.changed.bytes,
            hidden: use_of.hidden_bytes,
            hidden_by: hidden_by(&usage, n, n_base, maker),
        });
    }
    views
}

/// `41.2 MB hidden by line 4`, the layer that hides most first.
fn hidden_by<'a>(usage: &Usage, layer: usize, n_base: usize, maker: &dyn Fn(usize) -> Option<Maker<'a>>) -> String {
    let mut by_layer: BTreeMap<usize, u64> = BTreeMap::new();
    for file in usage.files.iter().filter(|file| file.layer == layer) {
        if let Fate::Hidden { by, .. } = file.fate {
            *by_layer.entry(by).or_default() += file.content.size();
        }
    }
    let mut by_layer: Vec<(usize, u64)> = by_layer.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    by_layer.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let name = |by: usize| match maker(by) {
        Some(made) => format!("line {}", made.line),
        None if by < n_base => format!("layer {by} of the base image"),
        None => format!("layer {by}"),
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
    use store::{Changeset, LayerSource};

    #[test]
    fn an_image_too_large_for_one_piece_is_not_handed_over() {
        let digest = Digest::of(b"large");
        let layer = Layer {
            diff_id: DiffId(digest),
            tar_size: 3 << 30,
            descriptor: Descriptor::new(media_type::OCI_LAYER, digest, 3 << 30),
            source: LayerSource::Blob,
            changes: Changeset::default().into(),
        };
        let image = Image::new(ImageConfig::default(), vec![layer]);
        assert_eq!(
            archive(&image, "large", &LentBlobs::default()),
            Err("expected an archive of at most 1.07 GB to hand over, found 3.22 GB".to_owned())
        );
    }
}
