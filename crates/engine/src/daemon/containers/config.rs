//! The configuration of a container: what its image says, and what the options change.

use super::super::Refusal;
use super::CreateOptions;
use super::network::parse_port;
use oci::{ContainerConfig, Healthcheck};

/// The image's defaults with the options put over them.
///
/// # Errors
///
/// [`Refusal::Invalid`] if there is nothing to run, or an option makes no sense.
///
/// Source: moby, `daemon/commit.go`, `merge`.
pub(super) fn merged(image: &ContainerConfig, options: &CreateOptions) -> Result<ContainerConfig, Refusal> {
    let mut config = image.clone();
    config.on_build = Vec::new();
    match &options.entrypoint {
        // Whoever replaces the program cannot mean the arguments of the old one.
        Some(words) => {
            config.entrypoint = if words.iter().all(String::is_empty) {
                Vec::new()
            } else {
                words.clone()
            };
            config.cmd.clone_from(&options.cmd);
        }
        None if !options.cmd.is_empty() => config.cmd.clone_from(&options.cmd),
        None => {}
    }
    if config.entrypoint.is_empty() && config.cmd.is_empty() {
        return Err(Refusal::invalid("no command specified"));
    }
    config.env = merge_env(&image.env, &options.env)?;
    config.labels.extend(options.labels.clone());
    for port in &options.expose {
        let (number, protocol) =
            parse_port(port).ok_or_else(|| Refusal::invalid(format!("invalid range format for --expose: {port}")))?;
        config.exposed_ports.insert(format!("{number}/{protocol}"));
    }
    for mapping in &options.ports {
        config
            .exposed_ports
            .insert(format!("{}/{}", mapping.container, mapping.protocol));
    }
    if let Some(workdir) = &options.workdir {
        if !workdir.starts_with('/') {
            return Err(Refusal::invalid(format!(
                "the working directory '{workdir}' is invalid, it needs to be an absolute path"
            )));
        }
        config.working_dir.clone_from(workdir);
    }
    if let Some(user) = &options.user {
        config.user.clone_from(user);
    }
    if let Some(signal) = &options.stop_signal {
        super::Signal::parse(signal)?;
        config.stop_signal.clone_from(signal);
    }
    if let Some(own) = &options.health {
        config.healthcheck = Some(merge_health(image.healthcheck.as_ref(), own));
    }
    Ok(config)
}

/// The variables that were given, then those of the image that they leave alone. A name without a value takes its variable
/// away.
fn merge_env(image: &[String], given: &[String]) -> Result<Vec<String>, Refusal> {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    if let Some(bad) = given.iter().find(|pair| name(pair).is_empty()) {
        return Err(Refusal::invalid(format!("invalid environment variable: {bad}")));
    }
    let mut env: Vec<String> = Vec::new();
    for pair in given.iter().filter(|pair| pair.contains('=')) {
        match env.iter_mut().find(|known| name(known) == name(pair)) {
            Some(known) => known.clone_from(pair),
            None => env.push(pair.clone()),
        }
    }
    let is_given = |pair: &&String| given.iter().any(|other| name(other) == name(pair));
    env.extend(image.iter().filter(|pair| !is_given(pair)).cloned());
    Ok(env)
}

/// The image's health check with what was given put over it.
fn merge_health(image: Option<&Healthcheck>, own: &Healthcheck) -> Healthcheck {
    let Some(image) = image else {
        return own.clone();
    };
    let number = |own: i64, image: i64| if own == 0 { image } else { own };
    Healthcheck {
        test: if own.test.is_empty() {
            image.test.clone()
        } else {
            own.test.clone()
        },
        interval: number(own.interval, image.interval),
        timeout: number(own.timeout, image.timeout),
        start_period: number(own.start_period, image.start_period),
        start_interval: number(own.start_interval, image.start_interval),
        retries: number(own.retries, image.retries),
    }
}
