//! The parser returns, accounts for every byte, and what it returns can be planned, checked and explained.

use dockerfile::{Diagnostic, Parse, Span, parse, parse_trigger, render_plain};
use oci::{ImageConfig, Platform};
use planner::checks::{Surroundings, check};
use planner::{Known, Options, Reach, Resolved, explain, needs, plan};

/// How often images are looked up that triggers name.
const ROUNDS: usize = 3;

/// The file and, after a NUL, a trigger of every image that it starts from.
pub fn dockerfile(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (source, trigger) = match text.split_once('\0') {
        Some((source, trigger)) => (source, Some(trigger)),
        None => (&*text, None),
    };
    let parsed = parse(source);
    read_well(source, &parsed);
    read_well(source, &parse_trigger(source));
    for instruction in &parsed.dockerfile.instructions {
        explain(instruction);
    }
    for reach in [Reach::Target, Reach::All] {
        let options = Options {
            reach,
            ..Options::new(Platform::linux_amd64())
        };
        planned_well(source, &parsed, &options, trigger);
    }
}

fn read_well(source: &str, parsed: &Parse) {
    let mut at = 0;
    for token in &parsed.tokens {
        assert_eq!(token.span.start, at, "tokens leave no gap and do not overlap");
        assert!(token.span.end > at, "no token is empty");
        at = token.span.end;
        assert!(source.is_char_boundary(at), "a token ends where a character does");
    }
    assert_eq!(at, source.len(), "tokens cover the source");
    reported_well(source, &parsed.diagnostics);
    for instruction in &parsed.dockerfile.instructions {
        stands(source, instruction.span);
        stands(source, instruction.keyword.span);
    }
}

fn reported_well(source: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        stands(source, diagnostic.span);
        for (span, _) in diagnostic.fix.iter().flat_map(|fix| &fix.edits) {
            stands(source, *span);
        }
        assert!(!render_plain(source, diagnostic).is_empty(), "{diagnostic:?}");
    }
}

fn planned_well(source: &str, parsed: &Parse, options: &Options, trigger: Option<&str>) {
    let file = &parsed.dockerfile;
    let mut known = Known::new();
    for _ in 0..ROUNDS {
        let around = Surroundings {
            options,
            known: &known,
            ignored: Some(&|path| path.starts_with('a')),
        };
        reported_well(source, &check(source, parsed, &around));
        if let Err(errors) = plan(file, options, &known) {
            assert!(!errors.is_empty(), "a plan that fails says why");
            reported_well(source, &errors);
        }
        let images = match needs(file, options, &known) {
            Ok(needs) => needs.images,
            Err(errors) => return reported_well(source, &errors),
        };
        if images.is_empty() {
            return;
        }
        for needed in images {
            stands(source, needed.span);
            let mut config = ImageConfig {
                platform: Platform::linux_amd64(),
                ..ImageConfig::default()
            };
            config.config.on_build.extend(trigger.map(str::to_owned));
            known.insert(needed.image, Resolved::Image(Box::new(config)));
        }
    }
}

fn stands(source: &str, span: Span) {
    assert!(
        source.get(span.start..span.end).is_some(),
        "{span:?} is no place in the text"
    );
}
