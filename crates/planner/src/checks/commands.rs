//! CMD, ENTRYPOINT and HEALTHCHECK.

use super::at::At;
use super::fixes;
use super::report::{Finding, Report};
use dockerfile::Kind;

/// The instructions of which only the last of a stage counts.
#[derive(Default)]
pub(super) struct Once<'i> {
    cmd: Option<At<'i>>,
    entrypoint: Option<At<'i>>,
    healthcheck: Option<At<'i>>,
}

impl<'i> Once<'i> {
    /// Notes an instruction; if there was one before, that is reported.
    pub(super) fn check(&mut self, at: At<'i>, report: &mut Report<'_>) {
        let slot = match at.instruction.kind {
            Kind::Cmd(_) => &mut self.cmd,
            Kind::Entrypoint(_) => &mut self.entrypoint,
            _ => &mut self.healthcheck,
        };
        let Some(earlier) = slot.replace(at) else { return };
        let finding = Finding {
            rule: "MultipleInstructionsDisallowed",
            span: earlier.span(earlier.instruction.span),
            message: format!(
                "Multiple {} instructions should not be used in the same stage because only the last one will be used",
                at.instruction.keyword.value
            ),
            hint: "remove this one",
            fix: earlier.fix(|| Some(fixes::remove(report.source, earlier.instruction))),
        };
        report.add_at_line(earlier.line(), at.comments(), finding);
    }
}

/// A shell between Docker and the program does not pass signals on.
pub(super) fn shell_form(at: At<'_>, text: &str, report: &mut Report<'_>) {
    let keyword = &at.instruction.keyword;
    report.add(
        at,
        Finding {
            rule: "JSONArgsRecommended",
            span: at.span(at.instruction.span),
            message: format!(
                "JSON arguments recommended for {} to prevent unintended behavior related to OS signals",
                keyword.value
            ),
            hint: "write a JSON list, so that the program gets signals itself",
            fix: at.fix(|| fixes::json_form(at.instruction, text)),
        },
    );
}
