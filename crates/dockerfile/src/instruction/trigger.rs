//! ONBUILD.

use super::Node;
use crate::problem::Problem;
use crate::{Heredoc, Instruction, Kind};

impl Node<'_> {
    pub(super) fn onbuild(&self, heredocs: &mut Vec<Heredoc>) -> Result<Kind, Problem> {
        let node = self.trigger();
        let name = node.name();
        let nested = matches!(name.as_str(), "ONBUILD" | "FROM" | "MAINTAINER");
        // What is wrong with the words of the trigger stops the parser; the rest is found where the trigger runs.
        let kind = if nested || self.rest.is_empty() {
            Ok(Kind::Unknown)
        } else {
            node.kind(heredocs)
        };
        let kind = match kind {
            Err(problem) if problem.is_parse() => return Err(problem),
            kind => kind.unwrap_or(Kind::Unknown),
        };
        if self.rest.is_empty() {
            return Err(self
                .at_least_one("ONBUILD")
                .hint("write the instruction that a child image shall run"));
        }
        self.check_flags()?;
        if nested {
            let message = if name == "ONBUILD" {
                "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned()
            } else {
                format!("{name} isn't allowed as an ONBUILD trigger")
            };
            return Err(Problem::instruction("onbuild-trigger", node.keyword, message));
        }
        Ok(Kind::Onbuild(Box::new(Instruction {
            span: self.logical.span(node.range()),
            lines: (0, 0),
            keyword: node.spanned_keyword(),
            original: self.stored_trigger(heredocs),
            flags: node.flag_reader().all(),
            heredocs: heredocs.clone(),
            comments: Vec::new(),
            empty_continuation: None,
            kind,
        })))
    }

    /// What the image keeps of an ONBUILD: the line behind its keyword and the heredocs' bodies.
    fn stored_trigger(&self, heredocs: &[Heredoc]) -> String {
        let mut stored = self.logical.text[self.keyword.end..].trim_start().to_owned();
        for heredoc in heredocs {
            stored.push('\n');
            stored.push_str(&heredoc.raw);
            stored.push_str(&heredoc.name);
        }
        stored
    }
}
