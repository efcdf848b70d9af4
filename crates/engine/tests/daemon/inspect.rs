//! What `inspect` says of a container.

use super::support::{Machine, options};
use engine::{CreateOptions, Json, LimitOptions, NameOptions, PortMapping, Restart, RightsOptions};

#[test]
fn inspect_says_how_a_container_is_made_and_what_it_does() {
    let mut machine = Machine::new();
    let web = CreateOptions {
        name: Some("web".to_owned()),
        ports: PortMapping::parse("8080:80").expect("good ports"),
        restart: Restart::OnFailure(3),
        ..options("base:1", &["last", "x"])
    };
    machine.run(web).expect("it starts");
    let value = machine.daemon.inspect_container("web").expect("it is here");
    let text = |keys: &[&str]| value.at(keys).map(Json::compact).unwrap_or_default();
    assert_eq!(text(&["Name"]), r#""/web""#);
    assert_eq!(
        (text(&["Path"]), text(&["Args"])),
        (r#""last""#.to_owned(), r#"["x"]"#.to_owned())
    );
    assert_eq!(
        (text(&["State", "Status"]), text(&["State", "Running"])),
        (r#""running""#.to_owned(), "true".to_owned())
    );
    assert_eq!(
        text(&["HostConfig", "RestartPolicy"]),
        r#"{"Name":"on-failure","MaximumRetryCount":3}"#
    );
    assert_eq!(
        text(&["NetworkSettings", "Ports"]),
        r#"{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}]}"#
    );
    assert_eq!(
        text(&["NetworkSettings", "Networks", "bridge", "IPAddress"]),
        r#""172.17.0.2""#
    );
    assert_eq!(text(&["State", "FinishedAt"]), r#""0001-01-01T00:00:00Z""#);
    assert_eq!(text(&["Config", "Hostname"]).len(), 14);
    let unset = [
        "CapAdd",
        "Memory",
        "MemorySwap",
        "PidsLimit",
        "ShmSize",
        "Ulimits",
        "SecurityOpt",
    ];
    assert_eq!(
        unset.map(|key| text(&["HostConfig", key])),
        ["null", "0", "0", "null", "67108864", "[]", "null"]
    );
}

#[test]
fn inspect_says_which_rights_and_limits_were_asked_for() {
    let mut machine = Machine::new();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let web = CreateOptions {
        name: Some("web".to_owned()),
        rights: RightsOptions {
            cap_add: words(&["net_admin", "CAP_CHOWN"]),
            cap_drop: words(&["chown", "KILL"]),
            seccomp_unconfined: true,
            no_new_privileges: true,
            groups: words(&["audio"]),
        },
        privileged: true,
        limits: LimitOptions {
            memory: Some(64 << 20),
            cpu_millis: Some(1500),
            pids: Some(10),
            ulimits: vec![("nofile".to_owned(), 64, u64::MAX)],
            shm: Some(1 << 20),
            cgroup_parent: Some("/team".to_owned()),
        },
        names: NameOptions {
            hosts: vec![("h".to_owned(), "::1".to_owned())],
            servers: words(&["9.9.9.9"]),
            ..NameOptions::default()
        },
        ..options("base:1", &["last", "x"])
    };
    machine.run(web).expect("it starts");
    let value = machine.daemon.inspect_container("web").expect("it is here");
    let expected = [
        ("CapAdd", r#"["CAP_CHOWN","CAP_NET_ADMIN"]"#),
        ("CapDrop", r#"["CAP_CHOWN","CAP_KILL"]"#),
        ("Dns", r#"["9.9.9.9"]"#),
        ("DnsSearch", "[]"),
        ("ExtraHosts", r#"["h:::1"]"#),
        ("GroupAdd", r#"["audio"]"#),
        (
            "SecurityOpt",
            r#"["seccomp=unconfined","no-new-privileges","label=disable"]"#,
        ),
        ("ShmSize", "1048576"),
        ("Memory", "67108864"),
        ("NanoCpus", "1500000000"),
        ("CgroupParent", r#""/team""#),
        ("MemorySwap", "-1"),
        ("PidsLimit", "10"),
        ("MaskedPaths", "null"),
        ("ReadonlyPaths", "null"),
        ("Ulimits", r#"[{"Name":"nofile","Hard":-1,"Soft":64}]"#),
    ];
    for (key, expected) in expected {
        let said = value.at(&["HostConfig", key]).map(Json::compact);
        assert_eq!(said.as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn a_template_for_docker_finds_every_field_of_the_host_s_part() {
    let mut machine = Machine::new();
    let web = CreateOptions {
        name: Some("web".to_owned()),
        ..options("base:1", &["last"])
    };
    machine.run(web).expect("it starts");
    let value = machine.daemon.inspect_container("web").expect("it is here");
    let Some(Json::Object(fields)) = value.get("HostConfig") else {
        panic!("expected an object, found {value:?}");
    };
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    // As Docker 28.2 prints them, which leaves out the last one where it says nothing.
    let expected = "Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver VolumesFrom \
                    ConsoleSize CapAdd CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links \
                    OomScoreAdj PidMode Privileged PublishAllPorts ReadonlyRootfs SecurityOpt UTSMode UsernsMode ShmSize Runtime \
                    Isolation CpuShares Memory NanoCpus CgroupParent BlkioWeight BlkioWeightDevice BlkioDeviceReadBps \
                    BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod \
                    CpuRealtimeRuntime CpusetCpus CpusetMems Devices DeviceCgroupRules DeviceRequests MemoryReservation \
                    MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount CpuPercent IOMaximumIOps \
                    IOMaximumBandwidth MaskedPaths ReadonlyPaths Init";
    assert_eq!(names.join(" "), expected);
    assert_eq!(
        value.at(&["HostConfig", "Runtime"]).map(Json::compact).as_deref(),
        Some("\"runc\"")
    );
}
