//! COPY and ADD.

use std::collections::BTreeMap;

use super::Node;
use crate::heredoc::Opener;
use crate::problem::Problem;
use crate::{Heredoc, Kind, Transfer};

impl Node<'_> {
    pub(super) fn transfer(&self, name: &str, heredocs: &mut Vec<Heredoc>) -> Result<Kind, Problem> {
        let mut words = self.list()?;
        if words.len() < 2 {
            let message = format!(
                "{name} requires at least two arguments, but only one was provided. Destination could not be determined"
            );
            return Err(self
                .count_problem(message)
                .hint(format!("write {name} source destination")));
        }
        let flags = self.check_flags()?;
        let dest = words.pop().expect("there are two words or more");
        if Opener::parse(&dest.value).is_some() {
            let message = format!("{name} cannot accept a heredoc as a destination");
            return Err(Problem::instruction("heredoc-destination", dest.range, message)
                .hint("write where the file shall go behind the heredoc"));
        }
        let (mut sources, mut inline) = (Vec::new(), Vec::new());
        // Of several with one name the last counts.
        let mut by_name: BTreeMap<String, usize> = heredocs
            .iter()
            .enumerate()
            .map(|(idx, heredoc)| (heredoc.name.clone(), idx))
            .collect();
        for word in words {
            let Some(opener) = Opener::parse(&word.value) else {
                sources.push(self.spanned(word));
                continue;
            };
            let idx = *by_name.entry(opener.name.clone()).or_insert_with(|| {
                heredocs.push(opener.heredoc());
                heredocs.len() - 1
            });
            inline.push((idx, word.value));
        }
        let given = |name: &str| flags.text(name).filter(|text| !text.value.is_empty());
        let transfer = Transfer {
            sources,
            inline,
            dest: self.spanned(dest),
            from: given("from"),
            chown: given("chown"),
            chmod: given("chmod"),
            link: flags.switch("link").unwrap_or(false),
            parents: flags.switch("parents").unwrap_or(false),
            exclude: flags.texts("exclude"),
            checksum: given("checksum"),
            keep_git_dir: flags.switch("keep-git-dir"),
            unpack: flags.switch("unpack"),
        };
        Ok(if name == "COPY" {
            Kind::Copy(transfer)
        } else {
            Kind::Add(transfer)
        })
    }
}
