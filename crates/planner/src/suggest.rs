//! Did-you-mean, as BuildKit adds it to a message.

/// `message (did you mean X?)`, if an option is close to `word`.
pub(crate) fn with<'a>(message: String, word: &str, options: impl IntoIterator<Item = &'a str>) -> String {
    match dockerfile::suggest(word, options) {
        Some(option) => format!("{message} (did you mean {option}?)"),
        None => message,
    }
}
