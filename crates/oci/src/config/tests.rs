//! The bytes of configs.

use super::*;

fn text(config: &ImageConfig) -> String {
    String::from_utf8(config.to_json()).expect("text")
}

#[test]
fn an_empty_config_has_null_for_its_lists() {
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    assert_eq!(
        text(&config),
        r#"{"architecture":"amd64","config":{},"created":null,"history":null,"os":"linux","rootfs":{"type":"layers","diff_ids":null}}"#
    );
}

#[test]
fn every_field_has_its_place() {
    let diff_id = DiffId::of(b"");
    let json = r#"{"architecture":"arm64","author":"Jane \u003cj@example.com\u003e","config":{"User":"1000:1000","ExposedPorts":{"443/tcp":{},"80/tcp":{}},"Env":["A=1 \u0026 2"],"Entrypoint":["/e"],"Cmd":["c"],"Volumes":{"/a":{},"/b":{}},"WorkingDir":"/w","Labels":{"a":"1","b":"2"},"StopSignal":"SIGINT","ArgsEscaped":true,"Healthcheck":{"Test":["CMD-SHELL","x"],"Interval":1000000000,"Timeout":2,"StartPeriod":3,"StartInterval":4,"Retries":5},"OnBuild":["RUN x"],"Shell":["/bin/bash","-c"]},"created":"2023-11-14T22:13:20.5Z","history":[{"created":"2023-11-14T22:13:20Z","created_by":"RUN x","author":"J","comment":"c","empty_layer":true}],"os":"linux","os.features":["f"],"os.version":"1.2","rootfs":{"type":"layers","diff_ids":["DIFF"]},"variant":"v9"}"#
        .replace("DIFF", &diff_id.to_string());
    let config = ImageConfig::parse(json.as_bytes()).expect("a config");
    assert_eq!(text(&config), json);
    assert_eq!(config.diff_ids, [diff_id]);
}

#[test]
fn fields_of_other_programs_are_dropped_and_nulls_are_nothing() {
    let json = r#"{"os":"linux","architecture":"amd64","docker_version":"18","container":"x","container_config":{"Hostname":"h"},
        "config":{"Hostname":"h","Domainname":"","AttachStdin":false,"Env":null,"Cmd":null,"Volumes":{"/v":null},"Image":"sha256:0","Labels":null,"OnBuild":null,"Healthcheck":null},
        "history":[{"created":"2019-01-01T00:00:00Z","created_by":"x","empty_layer":false}],"rootfs":{"type":"layers","diff_ids":[]},"id":"x"}"#;
    let config = ImageConfig::parse(json.as_bytes()).expect("a config");
    assert_eq!(
        text(&config),
        r#"{"architecture":"amd64","config":{"Volumes":{"/v":{}}},"created":null,"history":[{"created":"2019-01-01T00:00:00Z","created_by":"x"}],"os":"linux","rootfs":{"type":"layers","diff_ids":null}}"#
    );
}

#[test]
fn what_is_no_config_is_refused() {
    for json in [
        "",
        "{}",
        "[]",
        r#"{"architecture":"a","os":"linux","rootfs":{"type":"tree","diff_ids":[]}}"#,
        r#"{"architecture":"a","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:12"]}}"#,
        r#"{"architecture":"a","os":"linux","created":"yesterday","rootfs":{"type":"layers","diff_ids":[]}}"#,
    ] {
        assert!(ImageConfig::parse(json.as_bytes()).is_err(), "{json}");
    }
}
