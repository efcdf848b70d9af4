//! What a build will execute, listed for the person who is asked: every command, what it is given, what is fetched.

use super::project::Checked;
use messages::{NativePlan, PlannedBase, PlannedCommand};
use oci::{ContainerConfig, Digest, ImageConfig, Reference};
use planner::{Action, Input, Known, Mount, MountKind, Network, NoCache, Options, Plan, Resolved, Run, Source, Step};
use std::net::IpAddr;

/// The most rounds in which triggers of base images may name further images.
const MAX_ROUNDS: usize = 16;

/// Lists the plan of a project. `local` gives the configuration of an image that is here already, by its name.
///
/// The hash covers the files, the options and the list itself.
///
/// # Errors
///
/// Why there is no plan, in BuildKit's words, one line each.
pub(super) fn list(project: &Checked, local: &dyn Fn(&str) -> Option<ContainerConfig>) -> Result<NativePlan, String> {
    let text = project.dockerfile();
    let parse = dockerfile::parse(&text);
    let errors = |found: Vec<dockerfile::Diagnostic>| {
        let lines = found.iter().map(|error| match error.line {
            Some(line) => format!("Line {line}: {}", error.message),
            None => error.message.clone(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let broken: Vec<_> = parse
        .diagnostics
        .iter()
        .filter(|found| found.severity == dockerfile::Severity::Error)
        .cloned()
        .collect();
    if !broken.is_empty() {
        return Err(errors(broken));
    }
    let options = options(project);
    let mut known = Known::new();
    let mut bases = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let missing = planner::missing_images(&parse.dockerfile, &options, &known).map_err(errors)?;
        if missing.is_empty() {
            break;
        }
        for needed in missing {
            let found = local(&needed.image.name);
            bases.push(base(&needed.image.name, found.is_some()));
            let config = ImageConfig {
                platform: options.target_platform().clone(),
                config: found.unwrap_or_default(),
                ..ImageConfig::default()
            };
            known.insert(needed.image, Resolved::Image(Box::new(config)));
        }
    }
    let plan = planner::plan(&parse.dockerfile, &options, &known).map_err(errors)?;
    let mut listed = NativePlan {
        hash: String::new(),
        commands: commands(&plan),
        bases,
        downloads: downloads(&plan)?,
        tag: project.options.tag.clone(),
    };
    let whole = (&listed, &project.options, project.entries());
    let whole = serde_json::to_vec(&whole).expect("strings and numbers have a JSON form");
    listed.hash = Digest::of(&whole).hex();
    Ok(listed)
}

fn options(project: &Checked) -> Options {
    let asked = &project.options;
    Options {
        target: Some(asked.target.clone()).filter(|target| !target.is_empty()),
        build_args: asked.build_args.clone(),
        no_cache: if asked.no_cache {
            NoCache::Always
        } else {
            NoCache::Never
        },
        ..Options::new(crate::request::host_platform())
    }
}

fn base(name: &str, is_here: bool) -> PlannedBase {
    let registry =
        Reference::parse(name).map_or_else(|_| "an unknown registry".to_owned(), |name| name.registry().to_owned());
    PlannedBase {
        name: name.to_owned(),
        registry: if is_here { String::new() } else { registry },
    }
}

fn commands(plan: &Plan) -> Vec<PlannedCommand> {
    let run = |step: &Step| match &step.action {
        Action::Run(run) if step.same_as.is_none() => Some(command(plan, step, run)),
        _ => None,
    };
    plan.steps.iter().filter_map(run).collect()
}

fn command(plan: &Plan, step: &Step, run: &Run) -> PlannedCommand {
    PlannedCommand {
        line: step.lines.0,
        stage: plan.stages[step.stage].name.clone(),
        argv: run.argv.clone(),
        user: run.user.clone(),
        network: match run.network {
            Network::Default => "default",
            Network::None => "none",
            Network::Host => "host",
        }
        .to_owned(),
        mounts: run.mounts.iter().map(|mount| mounted(plan, mount)).collect(),
        trigger: step.instruction.is_none(),
    }
}

/// A mount in words.
fn mounted(plan: &Plan, mount: &Mount) -> String {
    let target = &mount.target;
    let access = if mount.read_only {
        "to read"
    } else {
        "to read and write"
    };
    match &mount.kind {
        MountKind::Bind { from, source } => match from {
            Input::Source(index) => match &plan.sources[*index] {
                // It is a part of the command.
                Source::Inline { text, .. } => format!("{target}, a file with this text:\n{text}"),
                other => format!("{target}: {source} of {}, {access}", origin(other)),
            },
            Input::Step(_) => format!("{target}: {source} of another stage, {access}"),
            Input::Scratch => format!("{target}: an empty folder, {access}"),
        },
        MountKind::Cache { id, .. } => {
            let id = id.trim_start_matches('/');
            format!("{target}: the cache {id:?}, kept from build to build")
        }
        MountKind::Tmpfs { .. } => format!("{target}: an empty folder in memory"),
        MountKind::Secret { id, .. } => format!("{target}: the secret {id:?}, which a run from the page does not have"),
        MountKind::Ssh { id, .. } => format!("{target}: the SSH agent {id:?}, which a run from the page does not have"),
    }
}

fn origin(source: &Source) -> String {
    match source {
        Source::Image(image) => format!("the image {}", image.name),
        Source::Context => "the project".to_owned(),
        Source::Named(name) => format!("the folder {name}"),
        Source::Url(url) => url.url.clone(),
        Source::Git(repository) => repository.clone(),
        Source::Inline { name, .. } => name.clone(),
        Source::CacheDir { .. } => "an empty cache".to_owned(),
    }
}

/// What ADD fetches.
///
/// # Errors
///
/// If an address is one that only this machine's surroundings have: a file of the page must not ask the machine's own services.
fn downloads(plan: &Plan) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for source in &plan.sources {
        let address = match source {
            Source::Url(url) => &url.url,
            Source::Git(repository) => repository,
            _ => continue,
        };
        if is_link_local(address) {
            return Err(format!(
                "expected an address outside of the machine's own link, found {address:?}"
            ));
        }
        all.push(address.clone());
    }
    Ok(all)
}

/// Whether an address names a host of the link: metadata services of clouds are there.
fn is_link_local(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match host.split('%').next().unwrap_or_default().parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_unicast_link_local() || address.to_ipv4().is_some_and(|address| address.is_link_local())
        }
        Err(_) => host == "metadata.google.internal" || is_number(&host),
    }
}

/// Whether a host is a number that some programs read as an address: `2852039166`, `0xa9.0xfe.0xa9.0xfe`.
fn is_number(host: &str) -> bool {
    let is_part = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => part.bytes().all(|byte| byte.is_ascii_digit()),
    };
    !host.is_empty() && host.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use messages::{Project, ProjectFile};

    fn project(dockerfile: &str) -> Checked {
        let file = |path: &str, text: &str| ProjectFile {
            path: path.to_owned(),
            mode: 0o644,
            base64: STANDARD.encode(text),
        };
        Checked::new(Project {
            files: vec![file("Dockerfile", dockerfile), file("a", "1")],
            options: messages::Options {
                dockerfile: "Dockerfile".to_owned(),
                ..messages::Options::default()
            },
        })
        .unwrap()
    }

    fn listed(dockerfile: &str) -> NativePlan {
        list(&project(dockerfile), &|_| None).unwrap()
    }

    #[test]
    fn every_command_is_listed_with_what_it_is_given() {
        let plan = listed(
            "FROM alpine:3.20 AS build\nUSER 7\nRUN --network=none --mount=type=cache,target=/c make all\nRUN [\"/bin/x\", \"y z\"]\n\
             FROM scratch\nCOPY --from=build /o /o\nCOPY --from=busybox:1 /bin /bin\n",
        );
        assert_eq!(plan.commands.len(), 2);
        assert_eq!(plan.commands[0].argv, ["/bin/sh", "-c", "make all"]);
        assert_eq!((plan.commands[0].line, plan.commands[0].stage.as_str()), (3, "build"));
        assert_eq!(
            (plan.commands[0].network.as_str(), plan.commands[0].user.as_str()),
            ("none", "7")
        );
        assert_eq!(
            plan.commands[0].mounts,
            ["/c: the cache \"c\", kept from build to build"]
        );
        assert_eq!(plan.commands[1].argv, ["/bin/x", "y z"]);
        assert_eq!(plan.commands[1].network, "default");
        let bases: Vec<_> = plan
            .bases
            .iter()
            .map(|base| (base.name.as_str(), base.registry.as_str()))
            .collect();
        assert_eq!(bases, [("alpine:3.20", "docker.io"), ("busybox:1", "docker.io")]);
    }

    #[test]
    fn the_text_of_a_script_is_a_part_of_the_list() {
        let plan = listed("FROM busybox\nRUN <<EOF\n#!/bin/ash\nrm -rf /\nEOF\n");
        let shown = format!("{:?}", plan.commands);
        assert!(shown.contains("rm -rf /"), "{shown}");
    }

    #[test]
    fn commands_that_a_base_image_brings_are_listed_too() {
        let config = ContainerConfig {
            on_build: vec!["RUN curl evil".to_owned()],
            ..ContainerConfig::default()
        };
        let plan = list(&project("FROM here\n"), &|name| {
            (name == "here").then(|| config.clone())
        })
        .unwrap();
        assert_eq!(plan.commands[0].argv, ["/bin/sh", "-c", "curl evil"]);
        assert!(plan.commands[0].trigger);
        assert_eq!(plan.bases[0].registry, "");
    }

    #[test]
    fn stages_that_are_not_needed_execute_nothing() {
        assert!(
            listed("FROM busybox AS unused\nRUN x\nFROM scratch\nCOPY a /\n")
                .commands
                .is_empty()
        );
    }

    #[test]
    fn the_hash_is_another_for_other_files_options_and_triggers() {
        let text = "FROM busybox\nRUN x\n";
        let hash = listed(text).hash;
        assert_eq!(hash, listed(text).hash);
        assert_eq!(hash.len(), 64);
        assert_ne!(hash, listed("FROM busybox\nRUN y\n").hash);
        let mut other = project(text);
        other.options.build_args = vec![("A".to_owned(), "1".to_owned())];
        assert_ne!(hash, list(&other, &|_| None).unwrap().hash);
        let here = ContainerConfig {
            on_build: vec!["RUN z".to_owned()],
            ..ContainerConfig::default()
        };
        assert_ne!(hash, list(&project(text), &|_| Some(here.clone())).unwrap().hash);
    }

    #[test]
    fn a_file_that_cannot_be_built_is_refused_with_its_line() {
        let found = list(&project("FROM scratch\nCOPPY a /\n"), &|_| None).unwrap_err();
        assert!(found.starts_with("Line 2: "), "{found}");
        assert!(list(&project("FROM a AS a\nCOPY --from=nope/ /x /y\n"), &|_| None).is_err());
    }

    #[test]
    fn the_services_of_the_link_are_not_fetched_from() {
        assert_eq!(
            listed("FROM scratch\nADD https://example.com/a /\n").downloads,
            ["https://example.com/a"]
        );
        for address in [
            "http://169.254.169.254/latest/meta-data",
            "http://user@169.254.169.254:80/x",
            "http://[fe80::1]/x",
            "http://[::ffff:169.254.169.254]/x",
            "http://metadata.google.internal/x",
            "http://2852039166/x",
            "http://0xa9.0xfe.0xa9.0xfe/x",
        ] {
            let found = list(&project(&format!("FROM scratch\nADD {address} /f\n")), &|_| None);
            assert!(found.is_err(), "{address}");
        }
    }
}
