//! Variables that nothing defines.

use super::at::At;
use super::fixes;
use super::report::{Finding, Report};
use super::stages::{NOT_IN_ENV, State, Walk};
use dockerfile::{Kind, Span, Spanned, expand, suggest};
use std::collections::BTreeSet;

/// Looks at every word of an instruction that BuildKit expands; ARG is looked at one name after the other, elsewhere.
pub(super) fn check(walk: &Walk<'_>, at: At<'_>, state: &State, report: &mut Report<'_>) {
    let mut words: Vec<&Spanned<String>> = Vec::new();
    match &at.instruction.kind {
        Kind::Env(pairs) | Kind::Label(pairs) => {
            words.extend(pairs.iter().flat_map(|pair| [&pair.key, &pair.value]));
        }
        Kind::Copy(transfer) | Kind::Add(transfer) => {
            words.extend(&transfer.chown);
            words.extend(&transfer.chmod);
            words.extend(&transfer.checksum);
            words.extend(&transfer.sources);
            words.push(&transfer.dest);
        }
        Kind::Workdir(word) | Kind::User(word) | Kind::Stopsignal(word) => words.push(word),
        Kind::Volume(list) => words.extend(list),
        _ => {}
    }
    for spanned in words {
        word(walk, at, spanned, state, report);
    }
    match &at.instruction.kind {
        Kind::Run { mounts, .. } => {
            for mount in mounts {
                for value in mount.fields.iter().filter_map(|(_, value)| value.as_ref()) {
                    let expanded = lookup(value, walk.file.escape, state);
                    undefined(at, mount.span, &expanded, state, report);
                }
            }
        }
        Kind::Copy(transfer) | Kind::Add(transfer) => {
            let bodies = transfer
                .inline
                .iter()
                .filter_map(|(idx, _)| at.instruction.heredocs.get(*idx));
            for heredoc in bodies.filter(|heredoc| heredoc.expand) {
                let found = expand::heredoc_body(&heredoc.body, &|name| state.env.get(name).map(ToOwned::to_owned));
                let unmatched = found.map(|body| body.unmatched).unwrap_or_default();
                undefined(at, heredoc.span, &unmatched, state, report);
            }
        }
        _ => {}
    }
}

/// Looks at one word.
pub(super) fn word(walk: &Walk<'_>, at: At<'_>, word: &Spanned<String>, state: &State, report: &mut Report<'_>) {
    let unmatched = lookup(&word.value, walk.file.escape, state);
    undefined(at, word.span, &unmatched, state, report);
}

fn lookup(word: &str, escape: char, state: &State) -> BTreeSet<String> {
    let expanded = expand::word(word, escape, &|name| state.env.get(name).map(ToOwned::to_owned));
    expanded.map(|word| word.unmatched).unwrap_or_default()
}

fn undefined(at: At<'_>, span: Span, unmatched: &BTreeSet<String>, state: &State, report: &mut Report<'_>) {
    for name in unmatched {
        if state.args.contains(name) || NOT_IN_ENV.contains(&name.as_str()) {
            continue;
        }
        let near = suggest(name, state.env.pairs().iter().map(|(name, _)| name.as_str()));
        let remark = near.map(|near| format!(" (did you mean ${near}?)")).unwrap_or_default();
        report.add(
            at,
            Finding {
                rule: "UndefinedVar",
                span: at.span(span),
                message: format!("Usage of undefined variable '${name}'{remark}"),
                hint: "define it with ARG or ENV in this stage; a stage does not see the ARGs above the first FROM",
                fix: at.fix(|| fixes::rename_variable(report.source, span, name, near?)),
            },
        );
    }
}
