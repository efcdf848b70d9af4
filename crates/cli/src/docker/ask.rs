//! Questions at the terminal.

use super::{Fail, Input, Session};
use std::io::BufRead;

impl Session<'_, '_> {
    /// Asks for a line. Where the standard input is no terminal, it is read from there: `None` at its end.
    pub(crate) fn ask(&mut self, prompt: &str, hidden: bool) -> Result<Option<String>, Fail> {
        if let Some(answer) = self.console.answer() {
            return Ok(Some(answer.to_owned()));
        }
        match self.host.stdin() {
            Input::Terminal => Err(Fail::Asks {
                prompt: prompt.to_owned(),
                hidden,
            }),
            Input::Stream(mut stream) => {
                self.console.print(prompt);
                let mut line = String::new();
                let count = stream.read_line(&mut line).unwrap_or(0);
                Ok((count > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
            }
        }
    }

    /// Warns of what will be done and asks whether to go on. Anything but `y` ends the command.
    ///
    /// Source: docker/cli, `cli/command/utils.go`, `PromptForConfirmation`.
    pub(crate) fn confirm(&mut self, warning: &str) -> Result<(), Fail> {
        self.console.print(warning);
        let answer = self.ask("Are you sure you want to continue? [y/N] ", false)?;
        if answer.is_some_and(|answer| answer.trim().eq_ignore_ascii_case("y")) {
            Ok(())
        } else {
            Err(Fail::Said(0))
        }
    }
}
