//! A FROM: the stage that it opens.

use super::State;
use crate::env::Env;
use crate::place::{Place, hint};
use crate::platform;
use crate::words::Words;
use dockerfile::{Diagnostic, Instruction, Kind};
use oci::Platform;

/// The stage that `instruction`, the FROM of this number, opens.
pub(super) fn read_from<'a>(
    index: usize,
    instruction: &Instruction,
    number: usize,
    words: Words,
    globals: &Env,
    host: &Platform,
) -> Result<State<'a>, Diagnostic> {
    let place = Place::of(instruction);
    let Kind::From {
        image, alias, platform, ..
    } = &instruction.kind
    else {
        unreachable!("callers pass a FROM");
    };
    let at_image = Place {
        span: image.span,
        ..place
    };
    let base = words
        .word(&image.value, globals)
        .map_err(|message| at_image.error("expansion", message))?;
    if base.is_empty() {
        return Err(hint(
            at_image.error(
                "blank-base-name",
                format!("base name ({}) should not be blank", image.value),
            ),
            "Give the ARG before the first FROM a default, or pass --build-arg.",
        ));
    }
    let platform = match platform {
        Some(platform) if !platform.value.is_empty() => {
            let at = Place {
                span: platform.span,
                ..place
            };
            Some(platform::of_from(&platform.value, at, words, globals, host)?)
        }
        _ => None,
    };
    let alias = alias.as_ref().map(|alias| alias.value.clone()).unwrap_or_default();
    Ok(State {
        stage: Some(number),
        instruction: index,
        name: if alias.is_empty() {
            format!("stage-{number}")
        } else {
            alias.clone()
        },
        alias,
        base_name: base,
        base: None,
        deps: Vec::new(),
        platform,
        commands: Vec::new(),
        place,
        last_line: instruction.lines.1,
        total: 0,
        triggers_taken: false,
    })
}
