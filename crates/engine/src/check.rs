//! Checking a Dockerfile without fetching or building anything.

use builder::Ignore;
use dockerfile::{Diagnostic, Parse, first_error};
use oci::ImageConfig;
use planner::checks::Surroundings;
use planner::{ImageName, Known, Options, Resolved};

/// What BuildKit's build checks find in a Dockerfile that can be read, given what is `known` of its images.
pub fn check(text: &str, parse: &Parse, options: &Options, known: &Known, ignore: &Ignore) -> Vec<Diagnostic> {
    let ignored = |path: &str| ignore.ignores(path);
    let counts = !ignore.rules().is_empty() && !ignore.has_exceptions();
    let around = Surroundings {
        options,
        known,
        ignored: counts.then_some(&ignored as &dyn Fn(&str) -> bool),
    };
    planner::checks::check(text, parse, &around)
}

/// The same for a Dockerfile of which only the text is given, and the errors that would keep it from being built.
///
/// `named` says what an image stands for, or `None` if it is elsewhere: then it is taken to have a `PATH` and nothing else, and
/// nothing is said of what only its config could tell.
///
/// # Errors
///
/// Whatever `named` returns.
pub fn check_text<E>(
    text: &str,
    options: &Options,
    ignore: &Ignore,
    named: &mut dyn FnMut(&ImageName) -> Result<Option<Resolved>, E>,
) -> Result<Vec<Diagnostic>, E> {
    let parse = dockerfile::parse(text);
    if first_error(&parse.diagnostics).is_some() {
        return Ok(parse.diagnostics);
    }
    let (known, errors) = known_images(&parse, options, named)?;
    let mut findings = check(text, &parse, options, &known, ignore);
    findings.extend(errors);
    Ok(findings)
}

/// What is known of the images, and what makes a plan impossible.
fn known_images<E>(
    parse: &Parse,
    options: &Options,
    named: &mut dyn FnMut(&ImageName) -> Result<Option<Resolved>, E>,
) -> Result<(Known, Vec<Diagnostic>), E> {
    // The planner wants a config for every image; the checks want to know only those that are really known.
    let (mut known, mut assumed) = (Known::new(), Known::new());
    loop {
        let missing = match planner::missing_images(&parse.dockerfile, options, &assumed) {
            Ok(missing) => missing,
            Err(errors) => return Ok((known, errors)),
        };
        if missing.is_empty() {
            break;
        }
        for needed in missing {
            let image = needed.image;
            if let Some(resolved) = named(&image)? {
                known.insert(image.clone(), resolved.clone());
                assumed.insert(image, resolved);
            } else {
                assumed.insert(image, Resolved::Image(Box::new(plain_config(options))));
            }
        }
    }
    let errors = planner::plan(&parse.dockerfile, options, &assumed)
        .err()
        .unwrap_or_default();
    Ok((known, errors))
}

/// The config of an image that cannot be reached.
fn plain_config(options: &Options) -> ImageConfig {
    let mut config = ImageConfig {
        platform: options.target_platform().clone(),
        ..ImageConfig::default()
    };
    config.config.env = vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
    config
}

#[cfg(test)]
mod tests {
    use super::check_text;
    use builder::Ignore;
    use dockerfile::{Diagnostic, Severity};
    use oci::Platform;
    use planner::{Options, Reach, Resolved};

    fn check(text: &str, image: Option<&Resolved>) -> Vec<Diagnostic> {
        let options = Options {
            reach: Reach::All,
            ..Options::new(Platform::linux_amd64())
        };
        let mut named = |_: &_| Ok::<_, ()>(image.cloned());
        check_text(text, &options, &Ignore::default(), &mut named).expect("it never fails")
    }

    fn codes(text: &str, image: Option<&Resolved>) -> Vec<&'static str> {
        check(text, image).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn an_image_that_is_elsewhere_is_taken_to_be_fine() {
        assert_eq!(codes("FROM somewhere:1\nRUN a\n", None), [""; 0]);
    }

    #[test]
    fn an_image_that_is_named_tells_its_platform() {
        let mut config = oci::ImageConfig {
            platform: Platform::new("linux", "arm64", ""),
            ..oci::ImageConfig::default()
        };
        config.config.env = Vec::new();
        let image = Resolved::Image(Box::new(config));
        assert_eq!(codes("FROM here:1\n", Some(&image)), ["InvalidBaseImagePlatform"]);
    }

    #[test]
    fn a_text_that_cannot_be_read_or_planned_says_why() {
        for (text, line) in [("FROM a\nWORDDIR /\n", Some(2)), ("FROM a\nCOPY --from=5 a b\n", None)] {
            let found = check(text, None);
            let errors: Vec<_> = found.iter().filter(|found| found.severity == Severity::Error).collect();
            assert_eq!(errors.len(), 1, "{found:?}");
            assert_eq!(errors[0].line, line);
        }
    }
}
