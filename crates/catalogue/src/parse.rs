//! The catalogue's text form: fragments, layers and images, one statement a line.
//!
//! A file is a list of blocks. `fragment NAME` holds entries that layers share; `layer NAME SIZE` holds the entries of
//! one layer; `image NAME` lists layers and what the config says. Lines of a block:
//!
//! | line | in | what it means |
//! |---|---|---|
//! | `d MODE PATH` | fragment, layer | a directory |
//! | `f MODE SIZE PATH` | fragment, layer | a file of that many bytes, without them |
//! | `w MODE WEIGHT PATH` | fragment, layer | a file that gets its share of the bytes the layer has left |
//! | `bins DIR WEIGHT NAMES` | fragment, layer | programs, weighted each |
//! | `l PATH TARGET` | fragment, layer | a symbolic link |
//! | `ln DIR NAMES` | fragment, layer | links to /bin/busybox |
//! | `t [MODE] PATH` | fragment, layer | a text file; its lines follow, each behind a bar |
//! | `a PATH LINE` | fragment, layer | one more line for a text file |
//! | `o UID GID` | fragment, layer | who owns the entries that follow |
//! | `use NAME` | fragment, layer | the entries of a fragment |
//! | `with KEY=VALUE …` | layer | what `{KEY}` stands for below; `_` in a value is a blank |
//! | `by TEXT` | layer | the history line that made it |
//! | `tags`, `published`, `source`, `layer`, `step` and config lines | image | see [`ImageText`] |

use std::collections::BTreeMap;

/// Why the data cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub(crate) struct DataError {
    /// The file under `images/`.
    pub(crate) file: String,
    /// Line, from 1.
    pub(crate) line: usize,
    /// What was expected.
    pub(crate) message: String,
}

/// A line with its place.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) file: &'static str,
    pub(crate) number: usize,
    pub(crate) text: &'static str,
    /// The content below a `t` line.
    pub(crate) content: String,
}

impl Line {
    pub(crate) fn error(&self, message: impl Into<String>) -> DataError {
        DataError {
            file: self.file.to_owned(),
            line: self.number,
            message: message.into(),
        }
    }
}

/// A layer as written.
#[derive(Debug, Clone)]
pub(crate) struct LayerText {
    pub(crate) size: u64,
    pub(crate) by: &'static str,
    pub(crate) with: BTreeMap<String, String>,
    pub(crate) entries: Vec<Line>,
}

/// What an image does with its history: a layer, or a step without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepText {
    Layer(String),
    Empty(String),
}

/// An image as written.
#[derive(Debug, Clone)]
pub(crate) struct ImageText {
    pub(crate) name: String,
    /// The first is the one to call it by.
    pub(crate) tags: Vec<String>,
    /// `YYYY-MM-DD`.
    pub(crate) published: String,
    /// Where the figures come from.
    pub(crate) source: String,
    pub(crate) steps: Vec<StepText>,
    /// `env`, `cmd`, `entrypoint`, `expose`, `workdir`, `volume`, `stopsignal`, `user`, `label`, with their values.
    pub(crate) config: Vec<(String, String, Line)>,
}

/// Everything in the files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Data {
    pub(crate) fragments: BTreeMap<String, Vec<Line>>,
    pub(crate) layers: BTreeMap<String, LayerText>,
    pub(crate) images: Vec<ImageText>,
}

enum Block {
    None,
    Fragment(String),
    Layer(String),
    Image,
}

/// Reads files, each with its name.
pub(crate) fn parse(files: &[(&'static str, &'static str)]) -> Result<Data, DataError> {
    let mut data = Data::default();
    for (file, text) in files {
        parse_file(file, text, &mut data)?;
    }
    check(&data)?;
    Ok(data)
}

fn parse_file(file: &'static str, text: &'static str, data: &mut Data) -> Result<(), DataError> {
    let mut block = Block::None;
    for (at, text) in text.lines().enumerate() {
        let line = Line {
            file,
            number: at + 1,
            text,
            content: String::new(),
        };
        if let Some(content) = text.strip_prefix('|') {
            let entries = match &block {
                Block::Fragment(name) => data.fragments.get_mut(name),
                Block::Layer(name) => data.layers.get_mut(name).map(|layer| &mut layer.entries),
                _ => None,
            };
            let Some(above) = entries
                .and_then(|entries| entries.last_mut())
                .filter(|above| above.text.starts_with("t "))
            else {
                return Err(line.error("expected a line t PATH above this text"));
            };
            above.content.push_str(content);
            above.content.push('\n');
            continue;
        }
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (word, &block) {
            ("fragment", _) => {
                if data.fragments.insert(rest.to_owned(), Vec::new()).is_some() {
                    return Err(line.error(format!("expected a new fragment, found {rest:?} again")));
                }
                block = Block::Fragment(rest.to_owned());
            }
            ("image", _) => {
                data.images.push(ImageText {
                    name: rest.to_owned(),
                    tags: Vec::new(),
                    published: String::new(),
                    source: String::new(),
                    steps: Vec::new(),
                    config: Vec::new(),
                });
                block = Block::Image;
            }
            ("layer", Block::None | Block::Fragment(_) | Block::Layer(_)) => {
                block = Block::Layer(open_layer(&line, rest, data)?);
            }
            // Inside an image, a layer with a size begins a block of its own.
            ("layer", Block::Image) if rest.contains(' ') => block = Block::Layer(open_layer(&line, rest, data)?),
            (_, Block::Image) => {
                let image = data.images.last_mut().expect("an image block begins with its image");
                image_line(image, word, rest, line)?;
            }
            (_, Block::Layer(name)) => {
                let layer = data.layers.get_mut(name).expect("a layer block begins with its layer");
                match word {
                    "by" => layer.by = rest,
                    "with" => {
                        for pair in rest.split(' ') {
                            let (key, value) = pair.split_once('=').ok_or_else(|| line.error("expected KEY=VALUE"))?;
                            layer.with.insert(key.to_owned(), value.replace('_', " "));
                        }
                    }
                    _ => layer.entries.push(line),
                }
            }
            (_, Block::Fragment(name)) => {
                let entries = data
                    .fragments
                    .get_mut(name)
                    .expect("a fragment block begins with its fragment");
                entries.push(line);
            }
            (_, Block::None) => return Err(line.error("expected fragment, layer or image")),
        }
    }
    Ok(())
}

fn open_layer(line: &Line, rest: &str, data: &mut Data) -> Result<String, DataError> {
    let (name, size) = rest
        .split_once(' ')
        .ok_or_else(|| line.error("expected layer NAME SIZE"))?;
    let size = parse_size(size).ok_or_else(|| line.error(format!("expected a size such as 5.53MB, found {size:?}")))?;
    let layer = LayerText {
        size,
        by: "",
        with: BTreeMap::new(),
        entries: Vec::new(),
    };
    if data.layers.insert(name.to_owned(), layer).is_some() {
        return Err(line.error(format!("expected a new layer, found {name:?} again")));
    }
    Ok(name.to_owned())
}

fn image_line(image: &mut ImageText, word: &str, rest: &str, line: Line) -> Result<(), DataError> {
    match word {
        "tags" => image.tags = rest.split(' ').map(str::to_owned).collect(),
        "published" => rest.clone_into(&mut image.published),
        "source" => rest.clone_into(&mut image.source),
        "layer" => image.steps.push(StepText::Layer(rest.to_owned())),
        "step" => image.steps.push(StepText::Empty(rest.to_owned())),
        "env" | "cmd" | "entrypoint" | "expose" | "workdir" | "volume" | "stopsignal" | "user" | "label" => {
            image.config.push((word.to_owned(), rest.to_owned(), line));
        }
        _ => return Err(line.error(format!("expected a line of an image, found {word:?}"))),
    }
    Ok(())
}

fn check(data: &Data) -> Result<(), DataError> {
    let error = |image: &ImageText, message: String| DataError {
        file: image.name.clone(),
        line: 0,
        message,
    };
    for image in &data.images {
        if image.tags.is_empty() || image.published.is_empty() || image.source.is_empty() {
            return Err(error(image, "expected tags, published and source".to_owned()));
        }
        for step in &image.steps {
            if let StepText::Layer(name) = step
                && !data.layers.contains_key(name)
            {
                return Err(error(image, format!("expected a layer, found {name:?}")));
            }
        }
    }
    Ok(())
}

/// A decimal size as docker prints it: `5.53MB`, `1.62kB`, `0B`.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "B" | "" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let mut size = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in part.chars() {
        place /= 10;
        size += u64::from(digit.to_digit(10)?) * place;
    }
    Some(size)
}

#[cfg(test)]
mod tests {
    use super::{parse, parse_size};

    #[test]
    fn sizes_are_decimal() {
        assert_eq!(parse_size("5.53MB"), Some(5_530_000));
        assert_eq!(parse_size("1.62kB"), Some(1_620));
        assert_eq!(parse_size("0B"), Some(0));
        assert_eq!(parse_size("5.53MiB"), None);
        assert_eq!(parse_size("x"), None);
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text| parse(&[("x.txt", text)]).map(drop).unwrap_err().to_string();
        assert_eq!(error("frog"), "x.txt:1: expected fragment, layer or image");
        assert_eq!(error("layer a\n"), "x.txt:1: expected layer NAME SIZE");
        assert_eq!(
            error("layer a big\n"),
            "x.txt:1: expected a size such as 5.53MB, found \"big\""
        );
        assert_eq!(
            error("fragment a\n|text\n"),
            "x.txt:2: expected a line t PATH above this text"
        );
        assert_eq!(
            error("image a\nfrog x\n"),
            "x.txt:2: expected a line of an image, found \"frog\""
        );
        assert_eq!(
            error("image a\ntags 1\npublished 2020-01-01\nsource me\nlayer b\n"),
            "a:0: expected a layer, found \"b\""
        );
    }
}
