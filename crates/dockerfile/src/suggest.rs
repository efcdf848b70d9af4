//! Did you mean: the nearest of the names there are.

/// A name is suggested if fewer edits than this lead to it.
const TOO_FAR: usize = 3;

/// Returns the option nearest to `word`, at most two edits away; the first of equals.
///
/// `None` if nothing is near, or if `word` is one of the options: then the name was not the mistake.
pub fn suggest<'a>(word: &str, options: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = None;
    let mut least = TOO_FAR;
    for option in options {
        if option == word {
            return None;
        }
        let distance = distance(word, option);
        if distance < least {
            least = distance;
            best = Some(option);
        }
    }
    best
}

/// Like [`suggest`], with no difference between upper and lower case; the answer takes the case of `word` if that is of one case.
pub fn suggest_ignoring_case<'a>(word: &str, options: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = word.to_lowercase();
    let options: Vec<String> = options.into_iter().map(str::to_lowercase).collect();
    let found = suggest(&lower, options.iter().map(String::as_str))?;
    Some(if word != lower && word == word.to_uppercase() {
        found.to_uppercase()
    } else {
        found.to_owned()
    })
}

/// Edits (a character added, removed or replaced) from one to the other; [`TOO_FAR`] or more if they differ that much in length.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(256).collect();
    let b: Vec<char> = b.chars().take(256).collect();
    if a.len().abs_diff(b.len()) >= TOO_FAR {
        return TOO_FAR;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{suggest, suggest_ignoring_case};

    #[test]
    fn the_nearest_name_is_suggested_and_nothing_far_away() {
        assert_eq!(suggest("form", ["chown", "from", "link"]), Some("from"));
        assert_eq!(suggest("colour", ["chown", "from", "link"]), None);
        assert_eq!(suggest("from", ["form", "from"]), None);
        assert_eq!(suggest("rnu", ["env", "run"]), Some("env"));
    }

    #[test]
    fn a_suggestion_takes_the_case_of_the_word() {
        assert_eq!(
            suggest_ignoring_case("WORDDIR", ["WORKDIR"]).as_deref(),
            Some("WORKDIR")
        );
        assert_eq!(
            suggest_ignoring_case("worddir", ["WORKDIR"]).as_deref(),
            Some("workdir")
        );
        assert_eq!(
            suggest_ignoring_case("Worddir", ["WORKDIR"]).as_deref(),
            Some("workdir")
        );
    }
}
