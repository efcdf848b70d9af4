//! The grammar of repository names, tags and upload identifiers.

/// The longest repository name, in bytes.
const MAX_REPOSITORY: usize = 255;

/// Whether `text` names a repository: path components in lower case, joined by `/`.
///
/// Source: OCI distribution-spec, "Pulling manifests".
pub(super) fn is_repository(text: &str) -> bool {
    text.len() <= MAX_REPOSITORY && text.split('/').all(is_component)
}

/// Letters and digits in lower case, joined by one dot, one or two underscores, or any number of dashes.
fn is_component(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_letter)
        && text.ends_with(is_letter)
        && text
            .split(is_letter)
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

/// Whether `text` is a tag: a word character, then up to 127 of those, dots and dashes.
pub(super) fn is_tag(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = text.bytes();
    text.len() <= 128 && bytes.next().is_some_and(is_word) && bytes.all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

/// Whether `text` has the shape of the identifiers that we give to uploads: a UUID in lower case.
pub(super) fn is_upload(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repositories_follow_the_specification() {
        for good in ["a", "a/b", "library/alpine", "a.b-c_d__e---f/0", &"a".repeat(255)] {
            assert!(is_repository(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            "a/B",
            "..",
            "a/../b",
            "a..b",
            "a___b",
            "-a",
            "a-",
            "_catalog",
            "a b",
            "a\r\nb",
            "a%2fb",
            "é",
            &"a".repeat(256),
        ] {
            assert!(!is_repository(bad), "{bad}");
        }
    }

    #[test]
    fn tags_follow_the_specification() {
        for good in ["latest", "1.0", "_x", "A-b.C_d", &"t".repeat(128)] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", ".x", "-x", "a/b", "a:b", "a b", "a\n", &"t".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn uploads_are_named_by_what_we_gave_out() {
        assert!(is_upload("5f3ce91c-7f20-44c6-9873-fb4263115121"));
        for bad in [
            "",
            "x",
            "../../../../../../etc/passwd-00000000",
            "5F3CE91C-7F20-44C6-9873-FB4263115121",
        ] {
            assert!(!is_upload(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_passes_cannot_climb_or_break_a_header(text in "\\PC{0,40}") {
            if is_repository(&text) || is_tag(&text) {
                prop_assert!(text.bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!text.split('/').any(|part| part.starts_with('.') || part.is_empty()));
            }
        }
    }
}
