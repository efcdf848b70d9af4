//! `RUN --mount`: fields become a mount.

use crate::assemble::Assembly;
use crate::path;
use crate::plan::{Input, Mount, MountKind, Sharing, Source};
use crate::scope::Scope;
use crate::suggest;
use std::fmt;

/// The types of a mount.
pub const MOUNT_TYPES: [&str; 5] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const SHARING: [&str; 3] = ["shared", "private", "locked"];
/// The fields of a mount that are suggested for one misspelled, as BuildKit does; `env` and `readwrite` exist beside them.
pub const MOUNT_FIELDS: [&str; 17] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bind,
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MOUNT_TYPES[*self as usize])
    }
}

/// The fields of a mount as they were written, variables replaced.
#[derive(Debug)]
struct Fields {
    kind: Type,
    from: String,
    source: String,
    target: String,
    /// `None` where nothing was said.
    read_only: Option<bool>,
    id: String,
    sharing: Option<Sharing>,
    required: bool,
    size: u64,
    env: Option<String>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Assembly<'_> {
    /// The mount that `mount` says; `from` is the filesystem its `from` names.
    pub(crate) fn mount(&mut self, scope: &Scope, mount: &dockerfile::Mount, from: Input) -> Result<Mount, String> {
        let mut fields = Fields::new();
        for (key, value) in &mount.fields {
            match value {
                None => fields.flag(key)?,
                Some(value) => {
                    let value = self.words.word(value, &scope.env)?;
                    fields.set(key, &value)?;
                }
            }
        }
        fields.check()?;
        let read_only = fields
            .read_only
            .unwrap_or(!matches!(fields.kind, Type::Cache | Type::Tmpfs));
        match fields.kind {
            Type::Secret => Ok(fields.secret()),
            Type::Ssh => Ok(fields.ssh()),
            Type::Tmpfs => Ok(Mount {
                target: target(scope, &fields.target)?,
                name: name(scope, &fields.target),
                kind: MountKind::Tmpfs { size: fields.size },
                read_only,
            }),
            Type::Bind | Type::Cache => {
                let target_path = target(scope, &fields.target)?;
                let from = if fields.from.is_empty() && fields.kind == Type::Bind {
                    self.source(Source::Context)
                } else {
                    from
                };
                let kind = match fields.kind {
                    Type::Cache => self.cache(&fields, from),
                    _ => MountKind::Bind {
                        from,
                        source: path::join("/", &fields.source),
                    },
                };
                Ok(Mount {
                    target: target_path,
                    name: name(scope, &fields.target),
                    kind,
                    read_only,
                })
            }
        }
    }

    fn cache(&mut self, fields: &Fields, from: Input) -> MountKind {
        let id = if fields.id.is_empty() {
            path::clean(&fields.target)
        } else {
            fields.id.clone()
        };
        let namespace = self.build_arg("BUILDKIT_CACHE_MOUNT_NS").unwrap_or_default();
        let id = format!("{namespace}/{id}");
        let mut source = path::join("/", &fields.source);
        let mut from = from;
        if source == "/" && (fields.mode.is_some() || fields.uid.is_some() || fields.gid.is_some()) {
            from = self.source(Source::CacheDir {
                mode: fields.mode.unwrap_or(0o755),
                uid: fields.uid.unwrap_or(0),
                gid: fields.gid.unwrap_or(0),
            });
            "/cache".clone_into(&mut source);
        }
        MountKind::Cache {
            id,
            sharing: fields.sharing.unwrap_or_default(),
            from,
            source,
        }
    }
}

impl Fields {
    fn new() -> Fields {
        Fields {
            kind: Type::Bind,
            from: String::new(),
            source: String::new(),
            target: String::new(),
            read_only: None,
            id: String::new(),
            sharing: None,
            required: false,
            size: 0,
            env: None,
            mode: None,
            uid: None,
            gid: None,
        }
    }

    /// A field without `=`.
    fn flag(&mut self, key: &str) -> Result<(), String> {
        match key {
            "readonly" | "ro" => self.read_only = Some(true),
            "readwrite" | "rw" => self.read_only = Some(false),
            "required" if matches!(self.kind, Type::Secret | Type::Ssh) => self.required = true,
            "required" => return Err(self.unexpected(key)),
            _ => return Err(format!("invalid field '{key}' must be a key=value pair")),
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "type" => self.kind = kind(value)?,
            "from" => value.clone_into(&mut self.from),
            "source" | "src" => value.clone_into(&mut self.source),
            "target" | "dst" | "destination" => value.clone_into(&mut self.target),
            "readonly" | "ro" => self.read_only = Some(boolean(key, value)?),
            "readwrite" | "rw" => self.read_only = Some(!boolean(key, value)?),
            "required" if matches!(self.kind, Type::Secret | Type::Ssh) => self.required = boolean(key, value)?,
            "size" if self.kind == Type::Tmpfs => {
                self.size = bytes(value).ok_or_else(|| format!("invalid value for {key}: {value}"))?;
            }
            "required" | "size" => return Err(self.unexpected(key)),
            "id" => value.clone_into(&mut self.id),
            "env" => self.env = Some(value.to_owned()),
            "sharing" => self.sharing = Some(sharing(value)?),
            "mode" => self.mode = Some(number(key, value, 8)?),
            "uid" => self.uid = Some(number(key, value, 10)?),
            "gid" => self.gid = Some(number(key, value, 10)?),
            _ => {
                let message = format!("unexpected key '{key}' in '{key}={value}'");
                return Err(suggest::with(message, key, MOUNT_FIELDS));
            }
        }
        Ok(())
    }

    fn unexpected(&self, key: &str) -> String {
        format!("unexpected key '{key}' for mount type '{}'", self.kind)
    }

    fn check(&self) -> Result<(), String> {
        if matches!(self.kind, Type::Bind | Type::Tmpfs) {
            let given = [("mode", self.mode), ("uid", self.uid), ("gid", self.gid)];
            if let Some((name, _)) = given.iter().find(|(_, value)| value.is_some()) {
                return Err(format!("{name} not allowed for \"{}\" type mounts", self.kind));
            }
        }
        if self.kind == Type::Secret {
            if !self.from.is_empty() {
                return Err("secret mount should not have a from".to_owned());
            }
            if self.sharing.is_some() {
                return Err("secret mount should not define sharing".to_owned());
            }
            if self.source.is_empty() && self.target.is_empty() && self.id.is_empty() {
                return Err("invalid secret mount. one of source, target required".to_owned());
            }
            if !self.source.is_empty() && !self.id.is_empty() {
                return Err("both source and id can't be set".to_owned());
            }
        }
        if self.sharing.is_some() && self.kind != Type::Cache {
            return Err(format!("invalid cache sharing set for {} mount", self.kind));
        }
        Ok(())
    }

    fn secret(self) -> Mount {
        let id = [&self.source, &self.id]
            .into_iter()
            .find(|id| !id.is_empty())
            .cloned()
            .unwrap_or_else(|| path::base(&self.target).to_owned());
        let target = if self.target.is_empty() && self.env.is_none() {
            format!("/run/secrets/{}", path::base(&id))
        } else {
            self.target
        };
        Mount {
            name: target.clone(),
            target,
            kind: MountKind::Secret {
                id,
                env: self.env,
                required: self.required,
                mode: self.mode.unwrap_or(0o400),
                uid: self.uid.unwrap_or(0),
                gid: self.gid.unwrap_or(0),
            },
            read_only: true,
        }
    }

    fn ssh(self) -> Mount {
        Mount {
            name: self.target.clone(),
            target: self.target,
            kind: MountKind::Ssh {
                id: if self.id.is_empty() {
                    "default".to_owned()
                } else {
                    self.id
                },
                required: self.required,
                mode: self.mode.unwrap_or(0o600),
                uid: self.uid.unwrap_or(0),
                gid: self.gid.unwrap_or(0),
            },
            read_only: true,
        }
    }
}

fn target(scope: &Scope, target: &str) -> Result<String, String> {
    let path = path::clean(&name(scope, target));
    if path == "/" {
        return Err(format!("invalid mount target {}", dockerfile::quote(&path)));
    }
    Ok(path)
}

fn name(scope: &Scope, target: &str) -> String {
    if target.starts_with('/') {
        target.to_owned()
    } else {
        path::join(&path::join("/", &scope.cwd), target)
    }
}

fn kind(value: &str) -> Result<Type, String> {
    match value.to_lowercase().as_str() {
        "bind" => Ok(Type::Bind),
        "cache" => Ok(Type::Cache),
        "tmpfs" => Ok(Type::Tmpfs),
        "secret" => Ok(Type::Secret),
        "ssh" => Ok(Type::Ssh),
        _ => {
            let message = format!("unsupported mount type {}", dockerfile::quote(value));
            Err(suggest::with(message, value, MOUNT_TYPES))
        }
    }
}

fn sharing(value: &str) -> Result<Sharing, String> {
    match value.to_lowercase().as_str() {
        "shared" => Ok(Sharing::Shared),
        "private" => Ok(Sharing::Private),
        "locked" => Ok(Sharing::Locked),
        _ => {
            let message = format!("unsupported sharing value {}", dockerfile::quote(value));
            Err(suggest::with(message, value, SHARING))
        }
    }
}

fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("invalid value for {key}: {value}")),
    }
}

fn number(key: &str, value: &str, radix: u32) -> Result<u32, String> {
    let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = plain.then(|| u32::from_str_radix(value, radix).ok()).flatten();
    number.ok_or_else(|| format!("invalid value {value} for {key}"))
}

/// `10m`, `1.5GiB`: bytes, units by 1024.
fn bytes(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start().to_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = unit.strip_suffix('i').unwrap_or(unit);
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Some((number * 1024_f64.powi(power)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&str, &str)]) -> Result<Fields, String> {
        let mut fields = Fields::new();
        for (key, value) in list {
            fields.set(key, value)?;
        }
        fields.check().map(|()| fields)
    }

    #[test]
    fn a_secret_has_a_place_of_its_own() {
        let mount = fields(&[("type", "secret"), ("id", "tok")]).expect("good").secret();
        assert_eq!(mount.target, "/run/secrets/tok");
        let mount = fields(&[("type", "secret"), ("id", "tok"), ("env", "TOKEN")])
            .expect("good")
            .secret();
        assert_eq!(mount.target, "");
    }

    #[test]
    fn wrong_fields_are_refused_in_buildkits_words() {
        for (list, message) in [
            (
                &[("typ", "bind")][..],
                "unexpected key 'typ' in 'typ=bind' (did you mean type?)",
            ),
            (
                &[("type", "cash")],
                "unsupported mount type \"cash\" (did you mean cache?)",
            ),
            (&[("mode", "755")], "mode not allowed for \"bind\" type mounts"),
            (&[("sharing", "locked")], "invalid cache sharing set for bind mount"),
            (
                &[("required", "true")],
                "unexpected key 'required' for mount type 'bind'",
            ),
        ] {
            assert_eq!(fields(list).err().as_deref(), Some(message));
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("10m"), Some(10 << 20));
        assert_eq!(bytes("1.5GiB"), Some(3 << 29));
        assert_eq!(bytes("x"), None);
    }
}
