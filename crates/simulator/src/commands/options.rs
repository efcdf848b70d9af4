//! Reading a command's options as getopt does: mixed with operands, bundled, with values.

/// Options and operands of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Options in order, with their value if they take one. Long ones keep their dashes.
    pub(crate) given: Vec<(String, Option<String>)>,
    pub(crate) operands: Vec<String>,
}

impl Options {
    /// Reads `args`. `with_value` names the options that take a value: `m`, `--mode`.
    pub(crate) fn read(args: &[String], with_value: &[&str]) -> Options {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if arg == "--" {
                options.operands.extend(rest.cloned());
                break;
            }
            if let Some(long) = arg.strip_prefix("--") {
                let (name, value) = long
                    .split_once('=')
                    .map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
                let name = format!("--{name}");
                let value = value.or_else(|| {
                    with_value
                        .contains(&name.as_str())
                        .then(|| rest.next().cloned())
                        .flatten()
                });
                options.given.push((name, value));
                continue;
            }
            let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                options.operands.push(arg.clone());
                continue;
            };
            for (at, letter) in letters.char_indices() {
                let name = letter.to_string();
                if with_value.contains(&name.as_str()) {
                    let attached = &letters[at + letter.len_utf8()..];
                    let value = if attached.is_empty() {
                        rest.next().cloned()
                    } else {
                        Some(attached.to_owned())
                    };
                    options.given.push((name, value));
                    break;
                }
                options.given.push((name, None));
            }
        }
        options
    }

    /// Whether any of `names` was given.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.given.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The last value given for any of `names`.
    pub(crate) fn value(&self, names: &[&str]) -> Option<&str> {
        self.given
            .iter()
            .rev()
            .find(|(name, value)| names.contains(&name.as_str()) && value.is_some())
            .and_then(|(_, value)| value.as_deref())
    }
}
