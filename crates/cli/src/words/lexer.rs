//! Words into flags and arguments: `lexopt`, and what is needed to say what was wrong as Docker says it.

use std::ffi::OsString;

/// A piece of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `--name`, without the dashes.
    Long(String),
    /// One letter of `-xyz`.
    Short(char),
    /// Anything else.
    Word(String),
}

/// Gives one piece after the other.
pub(super) struct Lexer {
    parser: lexopt::Parser,
    /// The word that the last piece is of; for a letter, what of the word begins with it.
    word: String,
    /// What follows the letter in its word.
    letters: String,
}

impl Lexer {
    pub(super) fn new(words: &[String]) -> Lexer {
        Lexer {
            parser: lexopt::Parser::from_args(words.iter().map(OsString::from)),
            word: String::new(),
            letters: String::new(),
        }
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Option<Token> {
        if let Some(raw) = self.parser.try_raw_args() {
            self.word = text(raw.peek()?.to_owned());
            self.word.strip_prefix('-').unwrap_or("").clone_into(&mut self.letters);
        }
        // An error says that a value was left over; every caller takes the value that is attached.
        match self.parser.next().ok()?? {
            lexopt::Arg::Long(name) => Some(Token::Long(name.to_owned())),
            lexopt::Arg::Value(value) => Some(Token::Word(text(value))),
            lexopt::Arg::Short(letter) => {
                let after = self.letters.get(letter.len_utf8()..).unwrap_or("").to_owned();
                self.word = std::mem::replace(&mut self.letters, after);
                Some(Token::Short(letter))
            }
        }
    }

    /// The value that is joined to the flag by `=`.
    pub(super) fn attached(&mut self) -> Option<String> {
        let is_long = self.word.starts_with("--");
        if is_long || self.letters.starts_with('=') {
            self.parser.optional_value().map(text)
        } else {
            None
        }
    }

    /// The value of the flag: joined to it, or the next word.
    pub(super) fn value(&mut self) -> Option<String> {
        self.parser.value().ok().map(text)
    }

    /// All words that are left.
    pub(super) fn rest(&mut self) -> Vec<String> {
        self.parser
            .raw_args()
            .map_or_else(|_| Vec::new(), |raw| raw.map(text).collect())
    }

    /// What is said of a flag that does not exist.
    pub(super) fn unknown(&self, token: &Token) -> String {
        match token {
            Token::Short(letter) => format!("unknown shorthand flag: {} in -{}", quoted(*letter), self.word),
            Token::Long(name) if name.is_empty() || name.starts_with('-') => format!("bad flag syntax: {}", self.word),
            Token::Long(name) | Token::Word(name) => format!("unknown flag: --{name}"),
        }
    }

    /// What is said of a flag without its value.
    pub(super) fn needs_argument(&self, token: &Token) -> String {
        match token {
            Token::Short(letter) => format!("flag needs an argument: {} in -{}", quoted(*letter), self.word),
            Token::Long(name) | Token::Word(name) => format!("flag needs an argument: --{name}"),
        }
    }
}

fn quoted(letter: char) -> String {
    format!("'{letter}'")
}

/// The words came as text, so they are text.
fn text(word: OsString) -> String {
    word.to_string_lossy().into_owned()
}
