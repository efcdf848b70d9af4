//! `# check=`: which rules count.

use crate::options::Options;
use dockerfile::{Diagnostic, Dockerfile, Phase, Severity, Span, Spanned, quote};

/// The rules that are off unless they are asked for.
const EXPERIMENTAL: [&str; 1] = ["InvalidDefinitionDescription"];

/// What `skip=…;experimental=…;error=…` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    skip: Rules,
    experimental: Rules,
    /// Whether a warning fails the build.
    pub(super) error: bool,
}

/// Some rules, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rules {
    all: bool,
    names: Vec<String>,
}

impl Rules {
    fn parse(text: &str) -> Rules {
        match text {
            "all" => Rules {
                all: true,
                names: Vec::new(),
            },
            list => Rules {
                all: false,
                names: list.split(',').map(|name| name.trim().to_owned()).collect(),
            },
        }
    }

    fn has(&self, rule: &str) -> bool {
        self.all || self.names.iter().any(|name| name == rule)
    }
}

impl Config {
    /// Reads a value of `check`.
    fn parse(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        for part in text.trim().splitn(3, ';').filter(|_| !text.trim().is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("invalid check option {}", quote(part)))?;
            let value = value.trim();
            match key.trim() {
                "skip" => config.skip = Rules::parse(value),
                "experimental" => config.experimental = Rules::parse(value),
                "error" => {
                    config.error = parse_bool(value).ok_or_else(|| {
                        let (part, value) = (quote(part), quote(value));
                        format!(
                            "failed to parse check option {part}: strconv.ParseBool: parsing {value}: invalid syntax"
                        )
                    })?;
                }
                key => return Err(format!("invalid check option {}", quote(key))),
            }
        }
        Ok(config)
    }

    /// Whether a rule counts where `comments` stand above the instruction.
    pub(super) fn counts(&self, rule: &str, comments: &[Spanned<String>]) -> bool {
        let own = of_comments(comments).unwrap_or_default();
        if EXPERIMENTAL.contains(&rule) {
            self.experimental.has(rule) || own.experimental.has(rule)
        } else {
            !self.skip.has(rule) && !own.skip.has(rule)
        }
    }
}

/// What the file says at its top, or the build argument that takes its place.
pub(super) fn of_file(file: &Dockerfile, options: &Options) -> Result<Config, Diagnostic> {
    const ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";
    let directive = file.directives.iter().find(|directive| directive.name.value == "check");
    let (text, span, what) = match (options.build_arg(ARGUMENT), directive) {
        (Some(text), _) => (text, Span::default(), format!("failed to parse {ARGUMENT}")),
        (None, Some(directive)) => {
            // What follows a blank is a remark.
            let text = directive.value.value.split(' ').next().unwrap_or_default();
            (text, directive.value.span, "failed to parse check options".to_owned())
        }
        (None, None) => return Ok(Config::default()),
    };
    Config::parse(text).map_err(|reason| Diagnostic {
        code: "check-directive",
        severity: Severity::Error,
        phase: Phase::Parse,
        span,
        line: None,
        message: format!("{what}: {reason}"),
        hints: vec!["write skip=Rule,Rule or skip=all, error=true, experimental=Rule, joined by \";\"".to_owned()],
        fix: None,
    })
}

/// The value of a comment that is a `check=`.
pub(super) fn directive(comment: &str) -> Option<&str> {
    let (key, value) = comment.split_once('=')?;
    let value = value.trim();
    (key.trim().eq_ignore_ascii_case("check") && !value.is_empty()).then_some(value)
}

/// The first `check=` among comments; one that cannot be read says nothing.
fn of_comments(comments: &[Spanned<String>]) -> Option<Config> {
    let value = comments.iter().find_map(|comment| directive(&comment.value))?;
    Config::parse(value.split(' ').next().unwrap_or_default()).ok()
}

/// Go's `strconv.ParseBool`.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn options_are_joined_by_semicolons() {
        let config = Config::parse("skip= A , B;error=true;experimental=all").expect("options");
        assert!(config.error && config.experimental.all);
        assert!(!config.counts("A", &[]) && !config.counts("B", &[]) && config.counts("C", &[]));
        assert!(config.counts("InvalidDefinitionDescription", &[]));
        assert!(!Config::default().counts("InvalidDefinitionDescription", &[]));
        assert_eq!(Config::parse(""), Ok(Config::default()));
    }

    #[test]
    fn what_is_no_option_is_refused_in_buildkits_words() {
        for (text, message) in [
            ("skip", "invalid check option \"skip\""),
            ("skap=A", "invalid check option \"skap\""),
            (
                "error=maybe",
                "failed to parse check option \"error=maybe\": strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ] {
            assert_eq!(Config::parse(text), Err(message.to_owned()));
        }
    }
}
