//! Mounts as `-v` and `--mount` have them.

use super::{MountSpec, OptionError};

impl MountSpec {
    /// Where it is mounted.
    pub fn target(&self) -> &str {
        match self {
            MountSpec::Bind { target, .. } | MountSpec::Volume { target, .. } | MountSpec::Tmpfs { target, .. } => {
                target
            }
        }
    }

    /// Reads `-v`: `TARGET`, `NAME:TARGET[:OPTIONS]` or `/HOST/PATH:TARGET[:OPTIONS]`.
    ///
    /// # Errors
    ///
    /// [`OptionError`].
    pub fn parse_volume(text: &str) -> Result<MountSpec, OptionError> {
        let wrong = || OptionError::new(format!("invalid volume specification: '{text}'"));
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts[..] {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options] => (Some(source), target, options),
            _ => return Err(wrong()),
        };
        if target.is_empty() || source == Some("") {
            return Err(wrong());
        }
        let (mut read_only, mut no_copy) = (false, false);
        for option in options.split(',') {
            match option {
                "ro" => read_only = true,
                "nocopy" => no_copy = true,
                // What they ask for makes no difference here.
                "" | "rw" | "z" | "Z" | "cached" | "delegated" | "consistent" | "rprivate" | "private" | "rslave"
                | "slave" | "rshared" | "shared" => {}
                other => return Err(OptionError::new(format!("invalid mode: {other}"))),
            }
        }
        check_target(target)?;
        Ok(match source {
            Some(source) if source.starts_with('/') => MountSpec::Bind {
                source: source.to_owned(),
                target: target.to_owned(),
                read_only,
                create: true,
            },
            Some(name) => {
                check_volume_name(name)?;
                MountSpec::Volume {
                    name: Some(name.to_owned()),
                    target: target.to_owned(),
                    read_only,
                    no_copy,
                }
            }
            None => MountSpec::Volume {
                name: None,
                target: target.to_owned(),
                read_only,
                no_copy,
            },
        })
    }

    /// Reads `--tmpfs`: `TARGET[:size=64m,mode=1770]`.
    ///
    /// # Errors
    ///
    /// [`OptionError`].
    pub fn parse_tmpfs(text: &str) -> Result<MountSpec, OptionError> {
        let (target, options) = text.split_once(':').unwrap_or((text, ""));
        check_target(target)?;
        let (mut size, mut mode) = (None, None);
        for option in options.split(',') {
            let wrong = || OptionError::new(format!("invalid tmpfs option {option:?}"));
            match option.split_once('=') {
                Some(("size", value)) => size = Some(binary_size(value).ok_or_else(wrong)?),
                Some(("mode", value)) => mode = Some(octal(value).ok_or_else(wrong)?),
                // What else can be said of a tmpfs makes no difference here.
                _ => {}
            }
        }
        Ok(MountSpec::Tmpfs {
            target: target.to_owned(),
            size,
            mode,
        })
    }

    /// Reads `--mount`: `type=bind,source=/HOST/PATH,target=TARGET[,readonly]` and the like.
    ///
    /// # Errors
    ///
    /// [`OptionError`].
    ///
    /// Source: docker/cli, `opts/mount.go`.
    pub fn parse_mount(text: &str) -> Result<MountSpec, OptionError> {
        let wrong =
            |message: String| OptionError::new(format!("invalid argument {text:?} for \"--mount\" flag: {message}"));
        let (mut kind, mut source, mut target) = ("volume", "", "");
        let (mut read_only, mut no_copy) = (false, false);
        let (mut size, mut mode) = (None, None);
        for field in text.split(',') {
            let (key, value) = field.split_once('=').unwrap_or((field, "true"));
            let flag = || match value {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(wrong(format!("invalid value for {key}: {value}"))),
            };
            match key.to_lowercase().as_str() {
                "type" => kind = value,
                "source" | "src" => source = value,
                "target" | "dst" | "destination" => target = value,
                "readonly" | "ro" => read_only = flag()?,
                "volume-nocopy" => no_copy = flag()?,
                "tmpfs-size" => {
                    size = Some(binary_size(value).ok_or_else(|| wrong(format!("invalid value for {key}: {value}")))?);
                }
                "tmpfs-mode" => {
                    mode = Some(octal(value).ok_or_else(|| wrong(format!("invalid value for {key}: {value}")))?);
                }
                "bind-propagation" | "consistency" | "volume-label" | "volume-driver" | "bind-recursive" => {}
                other if field.contains('=') => {
                    return Err(wrong(format!("unexpected key '{other}' in '{field}'")));
                }
                _ => return Err(wrong(format!("invalid field '{field}' must be a key=value pair"))),
            }
        }
        if target.is_empty() {
            return Err(wrong("target is required".to_owned()));
        }
        check_target(target)?;
        let (source, target) = (source.to_owned(), target.to_owned());
        match kind {
            "bind" if source.is_empty() => Err(wrong("source is required".to_owned())),
            "bind" => Ok(MountSpec::Bind {
                source,
                target,
                read_only,
                create: false,
            }),
            "volume" => {
                if !source.is_empty() {
                    check_volume_name(&source)?;
                }
                Ok(MountSpec::Volume {
                    name: (!source.is_empty()).then_some(source),
                    target,
                    read_only,
                    no_copy,
                })
            }
            "tmpfs" if !source.is_empty() => Err(wrong("cannot mix 'source' with mount type 'tmpfs'".to_owned())),
            "tmpfs" => Ok(MountSpec::Tmpfs { target, size, mode }),
            other => Err(wrong(format!("mount type unknown: {other:?}"))),
        }
    }
}

/// `64m`, in bytes.
fn binary_size(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
}

fn check_target(target: &str) -> Result<(), OptionError> {
    if !target.starts_with('/') {
        return Err(OptionError::new(format!(
            "invalid mount path: '{target}' mount path must be absolute"
        )));
    }
    if target.split('/').all(|part| part.is_empty() || part == ".") {
        return Err(OptionError::new("invalid specification: destination can't be '/'"));
    }
    Ok(())
}

/// Letters, digits, `_`, `.` and `-`, two at least, a letter or digit first.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() >= 2
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

pub(crate) fn check_volume_name(name: &str) -> Result<(), OptionError> {
    if is_plain_name(name) {
        return Ok(());
    }
    if name.len() == 1 {
        return Err(OptionError::new(format!(
            "create {name}: volume name is too short, names should be at least two alphanumeric characters"
        )));
    }
    Err(OptionError::new(format!(
        "create {name}: {name:?} includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are \
         allowed. If you intended to pass a host directory, use absolute path"
    )))
}
