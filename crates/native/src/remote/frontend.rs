//! What a worker's Dockerfile frontend is told: the command line in its own words.
//!
//! Source: BuildKit, `frontend/dockerui/config.go` and `frontend/dockerui/attr.go`.

use super::OfferedLayout;
use crate::args::{BuildArgs, ContextSource, NetworkMode};
use crate::input::Input;
use planner::{NoCache, Options};
use std::collections::BTreeMap;

/// The frontend's attributes. `layouts` are the contexts that are OCI layouts.
pub(super) fn told(
    args: &BuildArgs,
    input: &Input,
    options: &Options,
    layouts: &BTreeMap<String, OfferedLayout>,
) -> BTreeMap<String, String> {
    let mut told = BTreeMap::from([("filename".to_owned(), input.name.clone())]);
    let mut tell = |key: &str, value: String| drop(told.insert(key.to_owned(), value));
    for (name, value) in &options.build_args {
        tell(&format!("build-arg:{name}"), value.clone());
    }
    for (key, value) in &options.labels {
        tell(&format!("label:{key}"), value.clone());
    }
    if let Some(target) = &options.target {
        tell("target", target.clone());
    }
    if let Some(platform) = &options.platform {
        tell("platform", platform.to_string());
    }
    match &options.no_cache {
        NoCache::Never => {}
        // Of all stages.
        NoCache::Always => tell("no-cache", String::new()),
        NoCache::Stages(stages) => tell("no-cache", stages.join(",")),
    }
    if args.pull {
        tell("image-resolve-mode", "pull".to_owned());
    }
    match args.common.network {
        NetworkMode::Default => {}
        NetworkMode::None => tell("force-network-mode", "none".to_owned()),
        NetworkMode::Host => tell("force-network-mode", "host".to_owned()),
    }
    for named in &args.common.input.build_contexts {
        let value = match &named.source {
            ContextSource::Image(image) => format!("docker-image://{image}"),
            ContextSource::Directory(_) => format!("local:{}", named.name),
            ContextSource::Layout { .. } => match layouts.get(&named.name) {
                Some(layout) => format!("oci-layout://{}@{}", layout.store, layout.root),
                None => continue,
            },
        };
        tell(&format!("context:{}", named.name), value);
    }
    let sandbox = &args.sandbox;
    if !sandbox.hosts.is_empty() {
        let hosts = sandbox
            .hosts
            .iter()
            .map(|host| format!("{}={}", host.name, host.address));
        tell("add-hosts", hosts.collect::<Vec<_>>().join(","));
    }
    if let Some(bytes) = &sandbox.shm_size {
        tell("shm-size", bytes.0.to_string());
    }
    if let Some(parent) = &sandbox.cgroup_parent {
        tell("cgroup-parent", parent.clone());
    }
    if !sandbox.ulimits.is_empty() {
        let limits = sandbox.ulimits.iter();
        let limits = limits.map(|limit| format!("{}={}:{}", limit.name, limit.soft, limit.hard));
        tell("ulimit", limits.collect::<Vec<_>>().join(","));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use crate::request::build_options;
    use clap::Parser;
    use oci::Digest;

    fn told_of(words: &[&str]) -> Vec<String> {
        let words = ["layerlab", "build"].iter().chain(words).copied();
        let Command::Build(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("expected build");
        };
        let options = build_options(&args.common, &|_| None).unwrap();
        let input = Input {
            name: "Dockerfile".to_owned(),
            source: String::new(),
            ignore: String::new(),
            folder: None,
        };
        let layout = OfferedLayout {
            store: "layout0".to_owned(),
            folder: "dir".into(),
            root: Digest::of(b""),
        };
        let layouts = BTreeMap::from([("l".to_owned(), layout)]);
        let told = told(&args, &input, &options, &layouts);
        told.iter().map(|(key, value)| format!("{key} {value}")).collect()
    }

    #[test]
    fn a_plain_build_tells_where_the_dockerfile_is() {
        assert_eq!(told_of(&["."]), ["filename Dockerfile"]);
    }

    #[test]
    fn flags_are_told_in_the_words_of_the_frontend() {
        let words = [
            ".",
            "--build-arg",
            "A=1",
            "--label",
            "k=v",
            "--target",
            "t",
            "--platform",
            "linux/arm64",
            "--no-cache-filter",
            "a,b",
            "--network",
            "none",
            "--build-context",
            "x=docker-image://y",
            "--build-context",
            "d=.",
            "--build-context",
            "l=oci-layout://dir:tag",
            "--add-host",
            "h:1.2.3.4",
            "--ulimit",
            "nofile=1:2",
            "--cgroup-parent",
            "/builds",
        ];
        let expected = [
            "add-hosts h=1.2.3.4",
            "build-arg:A 1",
            "cgroup-parent /builds",
            "context:d local:d",
            "context:l oci-layout://layout0@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "context:x docker-image://y",
            "filename Dockerfile",
            "force-network-mode none",
            "label:k v",
            "no-cache a,b",
            "platform linux/arm64",
            "target t",
            "ulimit nofile=1:2",
        ];
        assert_eq!(told_of(&words), expected);
        assert_eq!(told_of(&[".", "--no-cache"]), ["filename Dockerfile", "no-cache "]);
        assert_eq!(
            told_of(&[".", "--pull"]),
            ["filename Dockerfile", "image-resolve-mode pull"]
        );
    }
}
