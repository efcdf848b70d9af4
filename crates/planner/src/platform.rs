//! Platforms: that of a stage, and the variables that tell of them.

use crate::env::Env;
use crate::options::Options;
use crate::place::{Place, hint};
use crate::words::Words;
use dockerfile::Diagnostic;
use oci::Platform;

/// The platform that `FROM --platform` names.
pub(crate) fn of_from(
    text: &str,
    place: Place,
    words: Words,
    globals: &Env,
    host: &Platform,
) -> Result<Platform, Diagnostic> {
    let expanded = words.word(text, globals).map_err(|message| {
        place.error(
            "expansion",
            format!("failed to process arguments for platform {text}: {message}"),
        )
    })?;
    if expanded.is_empty() {
        return Err(hint(
            place.error("empty-platform", format!("empty platform value from expression {text}")),
            "Only ARGs above the first FROM and the predefined ones have a value here.",
        ));
    }
    Platform::parse(&expanded, host)
        .map_err(|reason| place.error("bad-platform", format!("failed to parse platform {text}: {reason}")))
}

/// The variables that are there before the first ARG. A build argument of the same name takes their place.
pub(crate) fn globals(options: &Options, target: &str) -> Env {
    let build = &options.build_platform;
    let wanted = options.target_platform();
    let stage = if target.is_empty() { "default" } else { target };
    let variables = [
        ("BUILDPLATFORM", build.to_string()),
        ("BUILDOS", build.os.clone()),
        ("BUILDOSVERSION", build.os_version.clone()),
        ("BUILDARCH", build.architecture.clone()),
        ("BUILDVARIANT", build.variant.clone()),
        ("TARGETPLATFORM", wanted.to_string()),
        ("TARGETOS", wanted.os.clone()),
        ("TARGETOSVERSION", wanted.os_version.clone()),
        ("TARGETARCH", wanted.architecture.clone()),
        ("TARGETVARIANT", wanted.variant.clone()),
        ("TARGETSTAGE", stage.to_owned()),
    ];
    let mut env = Env::default();
    for (name, value) in variables {
        let value = options.build_arg(name).map_or(value, ToOwned::to_owned);
        env.set(name, value);
    }
    env
}
