//! A small honest reading of a RUN: the simple commands in it, word by word.
//!
//! It knows quotes, continued lines and the signs between commands. It does not run anything: variables stay as they are.

use planner::Run;

/// The simple commands of a RUN, in order, each as its words.
pub(crate) fn commands(run: &Run) -> Vec<Vec<String>> {
    match run.argv.as_slice() {
        [shell, flag, text, ..] if is_shell(shell) && flag.starts_with('-') && flag.ends_with('c') => split(text),
        argv => vec![argv.to_vec()],
    }
    .into_iter()
    .map(bare)
    .filter(|words| !words.is_empty())
    .collect()
}

/// The text that a shell gets, if a shell runs the command.
pub(crate) fn is_shell(program: &str) -> bool {
    matches!(last(program), "sh" | "bash" | "ash" | "dash" | "zsh")
}

/// The last component of a path.
pub(crate) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a word is an argument and no flag.
pub(crate) fn is_operand(word: &str) -> bool {
    !word.starts_with('-')
}

/// Words without what stands before a program: assignments, `sudo`, the words of the shell.
fn bare(words: Vec<String>) -> Vec<String> {
    let is_before = |word: &String| {
        let is_assignment = word
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        is_assignment
            || matches!(
                word.as_str(),
                "sudo" | "exec" | "time" | "then" | "do" | "else" | "if" | "while" | "!" | "{" | "}" | "fi" | "done"
            )
    };
    let mut words: Vec<String> = words.into_iter().skip_while(is_before).collect();
    if let Some(program) = words.first_mut() {
        *program = last(program).to_owned();
    }
    words
}

fn split(text: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(escaped) => reader.put(escaped),
            },
            '\'' => chars.by_ref().take_while(|c| *c != '\'').for_each(|c| reader.put(c)),
            '"' => {
                while let Some(inner) = chars.next().filter(|c| *c != '"') {
                    match inner {
                        '\\' => chars.next().into_iter().for_each(|c| reader.put(c)),
                        c => reader.put(c),
                    }
                }
            }
            '#' if reader.word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            // `2>&1` and `&>file` are no ends of a command.
            '&' if reader.word.as_deref().is_some_and(|word| word.ends_with('>')) => reader.put('&'),
            '&' if chars.peek() == Some(&'>') => reader.put('&'),
            '\n' | ';' | '&' | '|' | '(' | ')' => reader.end_command(),
            blank if blank.is_whitespace() => reader.end_word(),
            other => reader.put(other),
        }
    }
    reader.end_command();
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
}

impl Reader {
    fn put(&mut self, ch: char) {
        self.word.get_or_insert_default().push(ch);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        split(text).into_iter().map(bare).map(|words| words.join(" ")).collect()
    }

    #[test]
    fn commands_end_at_the_signs_of_the_shell() {
        let text = "apt-get update && A=b /usr/bin/apt-get install -y curl; make | tee log\nls";
        assert_eq!(
            read(text),
            ["apt-get update", "apt-get install -y curl", "make", "tee log", "ls"]
        );
    }

    #[test]
    fn quoted_signs_and_redirections_end_nothing() {
        let text = "echo 'a && b' \"c; d\" \\\n  e > /dev/null 2>&1 # f && g";
        assert_eq!(read(text), ["echo a && b c; d e > /dev/null 2>&1"]);
    }

    #[test]
    fn text_that_no_shell_would_take_is_read_all_the_same() {
        for text in ["'", "\"\\", "((", "&&&&", "\\", "if ! then"] {
            read(text);
        }
    }
}
