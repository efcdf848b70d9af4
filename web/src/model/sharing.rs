//! The picture of what images share: one row an image, base at the left, and a layer that several images share one cell over all their rows.

use std::collections::{BTreeMap, BTreeSet};

use messages::{ImageRow, LayerCell};

/// The narrowest a cell is drawn, as a part of the widest one.
const MIN_WIDTH: f64 = 0.06;

/// Rows and cells; places and widths go from 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Picture {
    /// From top to bottom; images that share layers stand together.
    pub(crate) rows: Vec<Labelled>,
    /// One for each different layer.
    pub(crate) cells: Vec<Cell>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labelled {
    /// The image's id.
    pub(crate) id: String,
    /// All its names.
    pub(crate) names: Vec<String>,
    /// Bytes of all its layers.
    pub(crate) bytes: u64,
    /// Of those, bytes that no other row has.
    pub(crate) own_bytes: u64,
}

/// A layer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// The layer.
    pub(crate) layer: LayerCell,
    /// The first row that has it.
    pub(crate) row: usize,
    /// How many rows have it.
    pub(crate) n_rows: usize,
    /// Where it begins.
    pub(crate) x: f64,
    /// How wide it is: the square root of its bytes, on the scale of the widest row.
    pub(crate) width: f64,
}

/// The images' name for a person: `nginx:latest`, or the short id of one that has no name.
pub(crate) fn name(image: &ImageRow) -> String {
    if image.repository == "<none>" || image.dangling {
        crate::words::short_digest(&image.id).to_owned()
    } else if image.tag == "<none>" {
        image.repository.clone()
    } else {
        format!("{}:{}", image.repository, image.tag)
    }
}

impl Picture {
    /// The picture of these images.
    pub(crate) fn of(images: &[ImageRow]) -> Picture {
        let images = distinct(images);
        let order = order(&images);
        let all = order.iter().flat_map(|(image, _)| &image.layers);
        let most = all.map(|layer| layer.bytes).max().unwrap_or(0).max(1);
        let sum = |image: &ImageRow| image.layers.iter().map(|layer| width(layer, most)).sum::<f64>();
        let whole = order.iter().map(|(image, _)| sum(image)).fold(0.0, f64::max);
        let mut cells: Vec<Cell> = Vec::new();
        // The cell of each chain id. A chain id names all that is below it too, so equal ones begin at the same place.
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (row, (image, _)) in order.iter().enumerate() {
            let mut x = 0.0;
            for layer in &image.layers {
                let width = width(layer, most) / whole;
                match known.get(layer.chain_id.as_str()) {
                    Some(&cell) if cells[cell].row + cells[cell].n_rows == row => cells[cell].n_rows += 1,
                    _ => {
                        known.insert(&layer.chain_id, cells.len());
                        cells.push(Cell {
                            layer: layer.clone(),
                            row,
                            n_rows: 1,
                            x,
                            width,
                        });
                    }
                }
                x += width;
            }
        }
        let rows = (0..order.len()).map(|row| labelled(&order[row], row, &cells)).collect();
        Picture { rows, cells }
    }
}

fn labelled((image, names): &(&ImageRow, Vec<String>), row: usize, cells: &[Cell]) -> Labelled {
    let own = cells.iter().filter(|cell| cell.n_rows == 1 && cell.row == row);
    Labelled {
        id: image.id.clone(),
        names: names.clone(),
        bytes: image.bytes,
        own_bytes: own.map(|cell| cell.layer.bytes).sum(),
    }
}

/// Each image once, with all its names, in the order in which they first come.
fn distinct(images: &[ImageRow]) -> Vec<(&ImageRow, Vec<String>)> {
    let mut distinct: Vec<(&ImageRow, Vec<String>)> = Vec::new();
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for image in images {
        let place = *at.entry(&image.id).or_insert_with(|| {
            distinct.push((image, Vec::new()));
            distinct.len() - 1
        });
        distinct[place].1.push(name(image));
    }
    distinct
}

/// Puts images that share a chain next to each other: a walk over the tree of chains, branches in the order in which they first come.
fn order<'a>(images: &[(&'a ImageRow, Vec<String>)]) -> Vec<(&'a ImageRow, Vec<String>)> {
    let mut keyed: Vec<(Vec<usize>, usize)> = images
        .iter()
        .enumerate()
        .map(|(index, (image, _))| (key(images, image), index))
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(_, index)| images[index].clone()).collect()
}

/// For each layer of an image the first image that has the same chain: equal chains give equal beginnings of keys.
fn key(images: &[(&ImageRow, Vec<String>)], image: &ImageRow) -> Vec<usize> {
    let first = |depth: usize, layer: &LayerCell| {
        let has = |(other, _): &(&ImageRow, Vec<String>)| {
            other
                .layers
                .get(depth)
                .is_some_and(|other| other.chain_id == layer.chain_id)
        };
        images.iter().position(has).unwrap_or(usize::MAX)
    };
    image
        .layers
        .iter()
        .enumerate()
        .map(|(depth, layer)| first(depth, layer))
        .collect()
}

/// The width of a layer, in the square root of bytes; an empty layer is a layer too.
fn width(layer: &LayerCell, most: u64) -> f64 {
    (layer.bytes as f64).sqrt().max((most as f64).sqrt() * MIN_WIDTH)
}

/// Different layers, and how many of them more than one row has.
pub(crate) fn counts(picture: &Picture) -> (usize, usize) {
    let different: BTreeSet<&str> = picture.cells.iter().map(|cell| cell.layer.chain_id.as_str()).collect();
    let shared = picture.cells.iter().filter(|cell| cell.n_rows > 1).count();
    (different.len(), shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str, layers: &[(&str, u64)]) -> ImageRow {
        let layer = |(chain_id, bytes): &(&str, u64)| LayerCell {
            chain_id: (*chain_id).to_owned(),
            bytes: *bytes,
            ..LayerCell::default()
        };
        ImageRow {
            id: format!("id of {name}"),
            repository: name.to_owned(),
            tag: "latest".to_owned(),
            bytes: layers.iter().map(|(_, bytes)| bytes).sum(),
            layers: layers.iter().map(layer).collect(),
            ..ImageRow::default()
        }
    }

    /// Chain id, first row, rows, and place and width in percent.
    fn cells(picture: &Picture) -> Vec<(&str, usize, usize, i64, i64)> {
        let percent = |part: f64| (part * 100.0).round() as i64;
        let cell = |cell: &'_ Cell| (cell.row, cell.n_rows, percent(cell.x), percent(cell.width));
        picture
            .cells
            .iter()
            .map(|c| {
                let (row, n_rows, x, width) = cell(c);
                (c.layer.chain_id.as_str(), row, n_rows, x, width)
            })
            .collect()
    }

    fn names(picture: &Picture) -> Vec<String> {
        picture.rows.iter().map(|row| row.names.join(", ")).collect()
    }

    #[test]
    fn a_shared_layer_is_one_cell_over_all_its_rows() {
        let picture = Picture::of(&[
            image("a", &[("base", 100), ("base/a", 9)]),
            image("other", &[("x", 1)]),
            image("b", &[("base", 100), ("base/b", 25)]),
        ]);
        assert_eq!(names(&picture), ["a:latest", "b:latest", "other:latest"]);
        assert_eq!(
            cells(&picture),
            [
                ("base", 0, 2, 0, 67),
                ("base/a", 0, 1, 67, 20),
                ("base/b", 1, 1, 67, 33),
                ("x", 2, 1, 0, 7),
            ]
        );
        assert_eq!(
            picture.rows.iter().map(|row| row.own_bytes).collect::<Vec<_>>(),
            [9, 25, 1]
        );
        assert_eq!(counts(&picture), (4, 1));
    }

    #[test]
    fn images_that_branch_late_stand_nearer_than_those_that_branch_early() {
        let picture = Picture::of(&[
            image("a", &[("1", 4), ("1/2", 4), ("1/2/a", 4)]),
            image("c", &[("1", 4), ("1/c", 4)]),
            image("b", &[("1", 4), ("1/2", 4), ("1/2/b", 4)]),
            image("base", &[("1", 4)]),
        ]);
        assert_eq!(names(&picture), ["base:latest", "a:latest", "b:latest", "c:latest"]);
        let shared: Vec<_> = cells(&picture).into_iter().filter(|cell| cell.2 > 1).collect();
        assert_eq!(shared, [("1", 0, 4, 0, 33), ("1/2", 1, 2, 33, 33)]);
    }

    #[test]
    fn an_image_with_two_names_has_one_row() {
        let mut twice = image("a", &[("1", 4)]);
        twice.repository = "b".to_owned();
        let picture = Picture::of(&[image("a", &[("1", 4)]), twice]);
        assert_eq!(names(&picture), ["a:latest, b:latest"]);
        assert_eq!(picture.cells[0].n_rows, 1);
    }

    #[test]
    fn an_empty_layer_can_be_seen_and_an_image_without_layers_does_no_harm() {
        let picture = Picture::of(&[image("a", &[("1", 10_000), ("2", 0)]), image("none", &[])]);
        assert!(picture.cells[1].width > 0.01);
        assert_eq!(picture.rows.len(), 2);
        assert_eq!(Picture::of(&[]), Picture::default());
    }

    #[test]
    fn an_image_without_a_name_goes_by_its_short_id() {
        let mut image = image("<none>", &[]);
        image.id = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(name(&image), "abababababab");
    }
}
