//! Whatever the bytes and texts are, reading them ends, and what is read is written as it was.

use oci::{ImageConfig, Index, Manifest, Platform, Reference, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const CONFIG: &str = r#"{"architecture":"amd64","config":{"Env":["A=1"],"Cmd":["x"],"Volumes":{"/v":{}},"Healthcheck":{"Test":["NONE"],"Interval":5}},"created":"2023-11-14T22:13:20.5+01:00","history":[{"created":"2023-11-14T22:13:20Z","created_by":"x","empty_layer":true}],"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"]}}"#;
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef","size":1024},"layers":[]}"#;

fn changed(text: &str, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(4),
        ..ProptestConfig::default()
    })]

    #[test]
    fn documents_with_changed_bytes_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        if let Ok(config) = ImageConfig::parse(&changed(CONFIG, &changes)) {
            prop_assert_eq!(ImageConfig::parse(&config.to_json()), Ok(config));
        }
        if let Ok(manifest) = Manifest::parse(&changed(MANIFEST, &changes)) {
            prop_assert_eq!(Manifest::parse(&manifest.to_json()), Ok(manifest));
        }
        let _ = Index::parse(&changed(MANIFEST, &changes));
    }

    #[test]
    fn a_reference_that_is_read_is_read_again_from_each_of_its_forms(
        text in "[a-zA-Z0-9.:/_@\\[\\]-]{0,40}",
        tail in prop::sample::select(vec!["", ":tag", "@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"]),
    ) {
        let text = text + tail;
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference.clone()));
            prop_assert_eq!(Reference::parse(&reference.familiar()), Ok(reference));
        }
    }

    #[test]
    fn texts_of_any_kind_are_read_or_refused(text in "\\PC{0,60}") {
        let _ = Reference::parse(&text);
        if let Ok(platform) = Platform::parse(&text, &Platform::linux_amd64()) {
            prop_assert_eq!(platform.clone().normalised().to_string(), platform.normalised().normalised().to_string());
        }
        let _ = text.parse::<Timestamp>();
    }

    #[test]
    fn times_are_written_as_they_are_read(secs in -62_167_219_200i64..253_402_300_800, nanos in 0..1_000_000_000u32) {
        let stamp = Timestamp::from(oci::Time { secs, nanos });
        prop_assert_eq!(stamp.to_string().parse(), Ok(stamp));
    }
}
