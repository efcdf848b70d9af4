//! Texts that nobody would write.

use super::*;
use crate::Headers;
use proptest::prelude::*;

proptest! {
    #[test]
    fn urls_that_are_read_are_read_again(text in "(https?://)?[a-z\\[\\]:0-9./?#@%&= \\\\é-]{0,40}") {
        if let Ok(url) = Url::parse(&text) {
            prop_assert_eq!(Url::parse(&url.to_string()), Ok(url.clone()));
            prop_assert!(!url.host().contains(['@', '/', '\\', ' ']));
        }
    }

    #[test]
    fn locations_never_leave_the_schemes(text in "\\PC{0,60}") {
        let base = Url::parse("https://r.example:5000/v2/a/").expect("a URL");
        if let Ok(url) = base.join(&text) {
            prop_assert!(url.to_string().starts_with("http"));
            prop_assert!(url.to_string().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn challenges_are_read_without_harm(text in "[ ,=\"\\\\a-zA-Z:/]{0,80}") {
        let mut headers = Headers::default();
        headers.add("WWW-Authenticate", text);
        for challenge in super::super::challenge::challenges(&headers) {
            prop_assert!(!challenge.scheme.is_empty());
        }
    }

    #[test]
    fn json_is_judged_as_a_decoder_judges_it(text in "[\\[\\]{}:,\"\\\\0-9a-u.eE+ -]{0,24}") {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(super::super::go_json::check(&text).is_ok(), is_json, "{}", text);
    }

    #[test]
    fn configurations_are_read_without_harm(text in "\\PC{0,80}") {
        let _ = DaemonConfig::parse(&text);
        let _ = ConfigFile::parse(&text);
        let _ = Network::parse(&text);
    }

    #[test]
    fn passwords_survive_the_file(user in "[^:\\x00]{1,20}", password in "[^\\x00]{0,20}") {
        let mut config = ConfigFile::default();
        let login = Login::new(&user, &password);
        config.set("r.example:5000", &login);
        let again = ConfigFile::parse(&config.to_json()).expect("our own file");
        prop_assert_eq!(again.login("r.example:5000"), Ok(Some(login)));
    }
}
