//! From arguments and environment to the options of a plan.

use crate::args::{
    AgentSpec, BuildArg, InputArgs, Label, NetworkMode, PreviewArgs, SecretSource, SecretSpec, resolve_build_args,
};
use crate::failure::Failure;
use engine::context_name;
use oci::{Platform, Reference};
use planner::{Network, NoCache, Options, Reach};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No secret is longer, in bytes, as in BuildKit.
const MAX_SECRET: u64 = 500 << 10;

/// The options that both commands share.
///
/// # Errors
///
/// [`Failure`] if the platform is none.
pub fn options(
    input: &InputArgs,
    environment: &dyn Fn(&str) -> Option<String>,
    reach: Reach,
) -> Result<Options, Failure> {
    let host = host_platform();
    let platform = input
        .platform
        .as_deref()
        .map(|text| Platform::parse(text, &host))
        .transpose();
    let platform = platform.map_err(|error| {
        let several = input.platform.as_deref().is_some_and(|text| text.contains(','));
        let reason = if several {
            "expected one platform, found several".to_owned()
        } else {
            error.to_string()
        };
        Failure::usage(format!("--platform: {reason}"))
    })?;
    Ok(Options {
        target: input.target.clone().filter(|target| !target.is_empty()),
        build_args: resolve_build_args(&input.build_args as &[BuildArg], environment),
        platform,
        contexts: input
            .build_contexts
            .iter()
            .map(|named| context_name(&named.name))
            .collect(),
        reach,
        ..Options::new(host)
    })
}

/// A program: a path, or a name that is looked for in the `PATH`.
pub fn find_program(program: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned()).filter(|program| program.is_file());
    }
    let folders = environment("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|place| place.is_file())
}

/// The options of a build.
///
/// # Errors
///
/// As [`options`].
pub fn build_options(args: &PreviewArgs, environment: &dyn Fn(&str) -> Option<String>) -> Result<Options, Failure> {
    let no_cache = match (args.no_cache, args.no_cache_filter.is_empty()) {
        (true, _) => NoCache::Always,
        (false, true) => NoCache::Never,
        (false, false) => NoCache::Stages(args.no_cache_filter.clone()),
    };
    let network = match args.network {
        NetworkMode::Default => Network::Default,
        NetworkMode::None => Network::None,
        NetworkMode::Host => Network::Host,
    };
    let label = |label: &Label| (label.key.clone(), label.value.clone());
    Ok(Options {
        labels: args.labels.iter().map(label).collect(),
        no_cache,
        network,
        ..options(&args.input, environment, Reach::Target)?
    })
}

/// The machine that builds. What runs in containers is Linux, whatever runs this program.
pub fn host_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    Platform::new("linux", architecture, "")
}

/// The full names for `-t`: `site` is `docker.io/library/site:latest`.
///
/// # Errors
///
/// [`Failure`] for a name that is none.
pub fn tags(names: &[String]) -> Result<Vec<Reference>, Failure> {
    let full = |name: &String| match Reference::parse(name) {
        Ok(reference) if reference.digest().is_none() => Ok(reference.or_latest()),
        Ok(_) => Err(Failure::usage(format!("invalid tag {name:?}: expected no digest"))),
        Err(error) => Err(Failure::usage(format!("invalid tag {name:?}: {error}"))),
    };
    names.iter().map(full).collect()
}

/// The secrets with their bytes; those that are only named and are nowhere are left out.
///
/// # Errors
///
/// [`Failure`] for a file that cannot be read or a variable that is not set.
pub fn secrets(
    specs: &[SecretSpec],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut secrets = Vec::new();
    for spec in specs {
        let bytes = match &spec.source {
            SecretSource::File(path) => read_secret(path)?,
            SecretSource::Variable(name) => environment(name)
                .ok_or_else(|| Failure::usage(format!("--secret {}: the variable {name:?} is not set", spec.id)))?
                .into_bytes(),
            SecretSource::Named => match environment(&spec.id) {
                Some(value) => value.into_bytes(),
                None => read_secret(Path::new(&spec.id))?,
            },
        };
        secrets.push((spec.id.clone(), bytes));
    }
    Ok(secrets)
}

/// The sockets of SSH agents by identity.
///
/// # Errors
///
/// [`Failure`] if an agent is wanted that is not there.
pub fn agents(
    specs: &[AgentSpec],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut agents = BTreeMap::new();
    for agent in specs {
        let socket = match &agent.socket {
            Some(socket) => socket.clone(),
            None => environment("SSH_AUTH_SOCK").map(PathBuf::from).ok_or_else(|| {
                Failure::usage(format!(
                    "--ssh {}: expected SSH_AUTH_SOCK in the environment, found none",
                    agent.id
                ))
            })?,
        };
        let socket = std::path::absolute(&socket).unwrap_or(socket);
        if !socket.exists() {
            let socket = socket.display();
            return Err(Failure::usage(format!("--ssh {}: no such socket: {socket}", agent.id)));
        }
        agents.insert(agent.id.clone(), socket);
    }
    Ok(agents)
}

fn read_secret(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::usage(format!("could not read the secret {}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(MAX_SECRET + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(Failure::usage(format!(
            "expected a secret of at most {MAX_SECRET} bytes in {}",
            path.display()
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_tag_becomes_a_full_name() {
        let names = |name: &str| {
            tags(&[name.to_owned()])
                .map(|names| names[0].to_string())
                .map_err(|failure| failure.message)
        };
        assert_eq!(names("site"), Ok("docker.io/library/site:latest".to_owned()));
        assert_eq!(names("localhost:5000/a:b"), Ok("localhost:5000/a:b".to_owned()));
        assert!(names("Site").unwrap_err().starts_with("invalid tag \"Site\": "));
    }

    #[test]
    fn a_secret_is_read_from_a_file_or_the_environment() {
        let scratch = Scratch::new();
        let file = scratch.write("s", "from file");
        let specs: Vec<SecretSpec> = [
            format!("id=a,src={}", file.display()),
            "id=b,env=B".to_owned(),
            "id=B".to_owned(),
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        let environment = |name: &str| (name == "B").then(|| "from env".to_owned());
        let read = secrets(&specs, &environment).unwrap();
        let texts: Vec<_> = read
            .iter()
            .map(|(id, bytes)| (id.as_str(), std::str::from_utf8(bytes).unwrap()))
            .collect();
        assert_eq!(texts, [("a", "from file"), ("b", "from env"), ("B", "from env")]);
        assert!(secrets(&specs[1..2], &|_| None).is_err());
    }
}
