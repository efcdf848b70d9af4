//! `--change`: Dockerfile instructions that change how the containers of an image run.

use super::Refusal;
use dockerfile::Kind;
use oci::{ContainerConfig, ImageConfig, Platform};
use planner::{ImageName, Known, Options, Resolved};

/// The name of the image that the instructions start from.
const BASE: &str = "container";

/// `config` after the instructions in `changes`, read as they are in a Dockerfile.
///
/// # Errors
///
/// [`Refusal::Invalid`] for what is no instruction, or one that makes no sense here.
pub(crate) fn apply_instructions(config: &ContainerConfig, changes: &[String]) -> Result<ContainerConfig, Refusal> {
    if changes.is_empty() {
        return Ok(config.clone());
    }
    let text = format!("FROM {BASE}\n{}\n", changes.join("\n"));
    let parse = dockerfile::parse(&text);
    if let Some(error) = dockerfile::first_error(&parse.diagnostics) {
        return Err(Refusal::invalid(error.message.clone()));
    }
    for instruction in parse.dockerfile.instructions.iter().skip(1) {
        let is_valid = matches!(
            instruction.kind,
            Kind::Cmd(_)
                | Kind::Entrypoint(_)
                | Kind::Healthcheck(_)
                | Kind::Env(_)
                | Kind::Expose(_)
                | Kind::Label(_)
                | Kind::Onbuild(_)
                | Kind::Stopsignal(_)
                | Kind::User(_)
                | Kind::Volume(_)
                | Kind::Workdir(_)
        );
        if !is_valid {
            let word = instruction.original.split_whitespace().next().unwrap_or_default();
            return Err(Refusal::invalid(format!(
                "{} is not a valid change command",
                word.to_uppercase()
            )));
        }
    }
    let image = ImageConfig {
        platform: Platform::linux_amd64(),
        config: config.clone(),
        ..ImageConfig::default()
    };
    let options = Options::new(Platform::linux_amd64());
    let mut known = Known::new();
    loop {
        let wrong = |found: Vec<dockerfile::Diagnostic>| {
            Refusal::invalid(found.first().map_or_else(String::new, |first| first.message.clone()))
        };
        let needs = planner::needs(&parse.dockerfile, &options, &known).map_err(wrong)?;
        if needs.images.is_empty() {
            let plan = planner::plan(&parse.dockerfile, &options, &known).map_err(wrong)?;
            let mut changed = plan.stages[plan.target].config.config.clone();
            // A build sets a PATH where there is none.
            if !config.env.iter().any(|pair| pair.starts_with("PATH=")) && !says_path(changes) {
                changed.env.retain(|pair| !pair.starts_with("PATH="));
            }
            return Ok(changed);
        }
        for needed in needs.images {
            let name: ImageName = needed.image;
            known.insert(name, Resolved::Image(Box::new(image.clone())));
        }
    }
}

fn says_path(changes: &[String]) -> bool {
    changes.iter().any(|change| {
        let mut words = change.split_whitespace();
        let is_env = words.next().is_some_and(|word| word.eq_ignore_ascii_case("ENV"));
        is_env && words.any(|word| word == "PATH" || word.starts_with("PATH="))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[&str]) -> Result<ContainerConfig, String> {
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        let config = ContainerConfig {
            env: vec!["A=1".to_owned()],
            working_dir: "/srv".to_owned(),
            ..ContainerConfig::default()
        };
        apply_instructions(&config, &changes).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn changes_are_read_as_in_a_dockerfile() {
        let config = changed(&[
            "CMD [\"nginx\", \"-g\"]",
            "ENV B=$A C=3",
            "WORKDIR sub",
            "EXPOSE 80",
            "LABEL k=v",
        ])
        .expect("good changes");
        assert_eq!(config.cmd, ["nginx", "-g"]);
        assert_eq!(config.env, ["A=1", "B=1", "C=3"]);
        assert_eq!(config.working_dir, "/srv/sub");
        assert!(config.exposed_ports.contains("80/tcp"));
        assert_eq!(config.labels["k"], "v");
    }

    #[test]
    fn what_makes_files_is_no_change() {
        assert_eq!(changed(&["RUN x"]), Err("RUN is not a valid change command".to_owned()));
        assert_eq!(
            changed(&["COPY a b"]),
            Err("COPY is not a valid change command".to_owned())
        );
        assert!(changed(&["NOPE x"]).is_err());
        assert_eq!(
            changed(&["FROM x"]),
            Err("FROM is not a valid change command".to_owned())
        );
    }
}
