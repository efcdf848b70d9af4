//! Containers from creation to removal.

use super::support::{Machine, START, logs, options, reference, text};
use builder::{Purpose, Stream};
use engine::{
    ContainerFilters, CreateOptions, ExecOptions, Force, ItsVolumes, LogOptions, Network, PortMapping, Restart, Status,
    Stdin, StopOptions, Which,
};
use oci::Time;

fn ports(text: &str) -> Vec<PortMapping> {
    PortMapping::parse(text).expect("good ports")
}

#[test]
fn what_ends_is_exited_with_its_code_and_what_lasts_is_running() {
    let mut machine = Machine::new();
    let ran = machine
        .run(options("base:1", &["sh", "echo hi;fail 3;take 2000"]))
        .expect("it starts");
    assert_eq!((ran.exit, ran.millis), (Some(3), 2000));
    assert_eq!(ran.output[0].bytes, b"hi\n");
    let container = machine.daemon.container(&ran.id).expect("it is here");
    assert_eq!((container.state.status, container.state.exit), (Status::Exited, 3));
    assert_eq!(container.state.finished, Some(Time::of_secs(START + 2)));
    let up = machine.up("web", "echo up");
    let container = machine.daemon.container("web").expect("it is here");
    assert_eq!(
        (container.id.as_str(), container.state.status),
        (up.as_str(), Status::Running)
    );
    assert!(container.state.pid > 0);
    assert_eq!(machine.daemon.wait("web").expect("it is here"), None);
    assert_eq!(machine.daemon.wait(&ran.id).expect("it is here"), Some(3));
    machine.check();
}

#[test]
fn ids_and_names_come_from_a_counter_and_the_time() {
    let (mut one, mut two) = (Machine::new(), Machine::new());
    let make = |machine: &mut Machine| machine.create(options("base:1", &[])).expect("it is made");
    let (a, b) = (make(&mut one), make(&mut one));
    assert_ne!(a, b);
    assert_eq!(make(&mut two), a);
    assert_eq!(a.len(), 64);
    let name = &one.daemon.container(&a).expect("it is here").name;
    let (adjective, surname) = name.split_once('_').expect("two words");
    assert!(!adjective.is_empty() && !surname.is_empty());
    assert_eq!(one.daemon.container(&a[..12]).expect("by prefix").id, a);
    assert_eq!(one.daemon.container(&format!("/{name}")).expect("with a slash").id, a);
}

#[test]
fn a_name_belongs_to_one_container() {
    let mut machine = Machine::new();
    let id = machine.up("web", "");
    let named = |name: &str| CreateOptions {
        name: Some(name.to_owned()),
        ..options("base:1", &[])
    };
    let taken = format!(
        "Conflict. The container name \"/web\" is already in use by container \"{id}\". You have to remove (or rename) that \
         container to be able to reuse that name."
    );
    assert_eq!(
        machine.refused(|daemon, host| daemon.create(&named("web"), host)),
        taken
    );
    assert_eq!(
        machine.refused(|daemon, host| daemon.create(&named("a b"), host)),
        "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
    );
    machine.create(named("other")).expect("it is made");
    assert_eq!(machine.refused(|daemon, _| daemon.rename("other", "web")), taken);
    machine.daemon.rename("web", "site").expect("it is free");
    assert_eq!(machine.daemon.container("site").expect("renamed").id, id);
    assert_eq!(
        machine.refused(|daemon, _| daemon.container("web").map(|c| c.id.clone())),
        "No such container: web"
    );
}

#[test]
fn image_and_options_are_merged_as_docker_merges_them() {
    let mut machine = Machine::new();
    machine.add("app:1", |config| {
        config.entrypoint = vec!["sh".to_owned(), "-c".to_owned()];
        config.cmd = vec!["echo image".to_owned()];
        config.working_dir = "/srv".to_owned();
        config.user = "web".to_owned();
        config.labels.insert("a".to_owned(), "image".to_owned());
    });
    let run = |machine: &mut Machine, change: &dyn Fn(&mut CreateOptions)| {
        let mut options = options("app:1", &[]);
        change(&mut options);
        machine.run(options).expect("it starts");
        machine.script.requests.last().cloned().expect("it was run")
    };
    let plain = run(&mut machine, &|_| {});
    assert_eq!(plain.argv, ["sh", "-c", "echo image"]);
    assert_eq!(
        (plain.cwd.as_str(), plain.user.as_str(), plain.purpose),
        ("/srv", "web", Purpose::Process)
    );
    let with_args = run(&mut machine, &|options| {
        options.cmd = vec!["echo mine".to_owned()];
    });
    assert_eq!(with_args.argv, ["sh", "-c", "echo mine"]);
    let other = run(&mut machine, &|options| {
        options.entrypoint = Some(vec!["last".to_owned()]);
    });
    assert_eq!(
        other.argv,
        ["last"],
        "another program does not get the image's arguments"
    );
    let cleared = run(&mut machine, &|options| {
        options.entrypoint = Some(vec![String::new()]);
        options.cmd = vec!["sh".to_owned(), "echo".to_owned()];
    });
    assert_eq!(cleared.argv, ["sh", "echo"]);
    let changed = run(&mut machine, &|options| {
        options.env = ["B=2", "A=mine", "PATH"].map(str::to_owned).to_vec();
        options.workdir = Some("/new/dir".to_owned());
        options.user = Some("0".to_owned());
        options.hostname = Some("box".to_owned());
        options.entrypoint = Some(vec!["/bin/sh".to_owned()]);
    });
    let env: Vec<String> = changed
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        env,
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOSTNAME=box",
            "B=2",
            "A=mine"
        ]
    );
    assert_eq!(
        (changed.cwd.as_str(), changed.user.as_str(), changed.hostname.as_str()),
        ("/new/dir", "0", "box")
    );
    let nothing = machine.image(|config| config.cmd = Vec::new());
    machine.take_in(nothing, "nothing:1");
    assert_eq!(
        machine.refused(|daemon, host| daemon.create(&options("nothing:1", &[]), host)),
        "no command specified"
    );
    machine.check();
}

#[test]
fn a_program_that_cannot_be_started_leaves_the_container_created() {
    let mut machine = Machine::new();
    for (argv, reason, code) in [
        (&["nope"][..], "exec: \"nope\": executable file not found in $PATH", 127),
        (
            &["/nope"],
            "exec: \"/nope\": stat /nope: no such file or directory",
            127,
        ),
        (&["/etc/motd"], "exec: \"/etc/motd\": permission denied", 126),
        (&["/etc"], "exec: \"/etc\": is a directory", 126),
    ] {
        let id = machine.create(options("base:1", argv)).expect("it is made");
        let mut exit = 0;
        let refusal = machine.refused(|daemon, host| {
            daemon
                .start(&id, &Stdin::Nothing, host)
                .inspect_err(|refusal| exit = refusal.run_exit())
        });
        assert_eq!(
            refusal,
            format!(
                "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create \
                 failed: unable to start container process: error during container init: {reason}: unknown"
            )
        );
        assert_eq!(exit, code, "{reason}");
        assert_eq!(
            machine.daemon.container(&id).expect("it is here").state.status,
            Status::Created
        );
    }
    let stranger = CreateOptions {
        user: Some("stranger".to_owned()),
        ..options("base:1", &["sh", ""])
    };
    let id = machine.create(stranger).expect("it is made");
    assert_eq!(
        machine.refused(|daemon, host| daemon.start(&id, &Stdin::Nothing, host)),
        "unable to find user stranger: no matching entries in passwd file"
    );
}

#[test]
fn stopping_takes_as_long_as_the_process_needs() {
    let mut machine = Machine::new();
    machine.up("stubborn", "");
    let stopped = machine
        .with(|daemon, host| daemon.stop("stubborn", &StopOptions::default(), host))
        .expect("it stops");
    assert_eq!((stopped.exit, stopped.millis), (Some(137), 10_100));
    let nginx = CreateOptions {
        name: Some("web".to_owned()),
        ..options("base:1", &["nginx", "last"])
    };
    machine.run(nginx).expect("it starts");
    machine.daemon.container("web").expect("it is here");
    let quick = StopOptions {
        timeout: Some(1),
        ..StopOptions::default()
    };
    // The program that lasts is what the executor came to.
    let argv = &machine.daemon.container("web").expect("it is here").state.processes[0].argv;
    assert_eq!(argv, &["last"]);
    let stopped = machine
        .with(|daemon, host| daemon.stop("web", &quick, host))
        .expect("it stops");
    assert_eq!((stopped.exit, stopped.millis), (Some(137), 1_100));
    let again = machine
        .with(|daemon, host| daemon.stop("web", &quick, host))
        .expect("stopping twice is no error");
    assert_eq!(again.millis, 0);
    let bad = StopOptions {
        signal: Some("NOPE".to_owned()),
        ..StopOptions::default()
    };
    assert_eq!(
        machine.refused(|daemon, host| daemon.stop("web", &bad, host)),
        "invalid signal: NOPE"
    );
}

#[test]
fn signals_reach_a_first_process_only_if_it_handles_them() {
    let mut machine = Machine::new();
    let id = machine.up("web", "");
    assert_eq!(
        machine
            .with(|daemon, host| daemon.kill("web", "TERM", host))
            .expect("it runs")
            .exit,
        None
    );
    assert_eq!(
        machine.daemon.container("web").expect("it is here").state.status,
        Status::Running
    );
    assert_eq!(
        machine
            .with(|daemon, host| daemon.kill("web", "", host))
            .expect("it runs")
            .exit,
        Some(137)
    );
    assert_eq!(
        machine.refused(|daemon, host| daemon.kill("web", "KILL", host)),
        format!("cannot kill container: web: container {id} is not running")
    );
    let with_init = CreateOptions {
        init: true,
        stop_signal: Some("SIGINT".to_owned()),
        ..options("base:1", &["last"])
    };
    let id = machine.run(with_init).expect("it starts").id;
    assert_eq!(
        machine
            .with(|daemon, host| daemon.stop(&id, &StopOptions::default(), host))
            .expect("it stops")
            .exit,
        Some(130)
    );
}

#[test]
fn a_container_that_runs_is_not_removed_unless_forced() {
    let mut machine = Machine::new();
    machine.up("web", "");
    assert_eq!(
        machine.refused(|daemon, _| daemon.remove_container("web", Force::No, ItsVolumes::Keep)),
        "cannot remove container \"/web\": container is running: stop the container before removing or force remove"
    );
    machine.with(|daemon, host| daemon.pause("web", host)).expect("it runs");
    assert_eq!(
        machine.refused(|daemon, _| daemon.remove_container("web", Force::No, ItsVolumes::Keep)),
        "cannot remove container \"/web\": container is paused and must be unpaused first"
    );
    machine
        .daemon
        .remove_container("web", Force::Yes, ItsVolumes::Keep)
        .expect("forced");
    assert_eq!(machine.daemon.containers().count(), 0);
}

#[test]
fn rm_takes_a_container_away_when_it_ends_and_does_not_go_with_restart() {
    let mut machine = Machine::new();
    let once = CreateOptions {
        auto_remove: true,
        ..options("base:1", &["sh", "echo hi"])
    };
    let ran = machine.run(once.clone()).expect("it starts");
    assert!(ran.removed);
    assert_eq!(machine.daemon.containers().count(), 0);
    let both = CreateOptions {
        restart: Restart::Always,
        ..once
    };
    assert_eq!(
        machine.refused(|daemon, host| daemon.create(&both, host)),
        "can't create 'AutoRemove' container with restart policy"
    );
}

#[test]
fn frozen_containers_take_no_commands() {
    let mut machine = Machine::new();
    let id = machine.up("web", "");
    let sh = ExecOptions {
        argv: vec!["sh".to_owned(), "echo hi".to_owned()],
        ..ExecOptions::default()
    };
    assert_eq!(
        machine.refused(|daemon, host| daemon.unpause("web", host)),
        format!("Container {id} is not paused")
    );
    machine.with(|daemon, host| daemon.pause("web", host)).expect("it runs");
    assert_eq!(
        machine.refused(|daemon, host| daemon.pause("web", host)),
        format!("Container {id} is already paused")
    );
    assert_eq!(
        machine.refused(|daemon, host| daemon.exec("web", &sh, host)),
        "Container web is paused, unpause the container before exec"
    );
    assert_eq!(
        machine.refused(|daemon, host| daemon.start("web", &Stdin::Nothing, host)),
        "cannot start a paused container, try unpause instead"
    );
    machine
        .with(|daemon, host| daemon.unpause("web", host))
        .expect("it is frozen");
    machine
        .with(|daemon, host| daemon.exec("web", &sh, host))
        .expect("it runs again");
}

#[test]
fn exec_runs_in_the_same_files_and_can_leave_a_process_behind() {
    let mut machine = Machine::new();
    let id = machine.up("web", "write /x first");
    let mut exec = |argv: &[&str]| {
        let options = ExecOptions {
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            ..ExecOptions::default()
        };
        machine.with(|daemon, host| daemon.exec("web", &options, host))
    };
    assert_eq!(exec(&["sh", "need /x;write /y second"]).expect("it runs").exit, Some(0));
    assert_eq!(exec(&["sh", "need /nope"]).expect("it runs").exit, Some(1));
    assert_eq!(exec(&["last", "x"]).expect("it runs").exit, None);
    assert_eq!(
        exec(&["nope"]).expect_err("no program").to_string(),
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nope\": executable file not found in \
         $PATH: unknown"
    );
    let container = machine.daemon.container("web").expect("it is here");
    assert_eq!(text(&container.tree, "y", &machine.blobs).as_deref(), Some("second"));
    let top: Vec<&[String]> = machine
        .daemon
        .top("web")
        .expect("it runs")
        .iter()
        .map(|p| &p.argv[..])
        .collect();
    assert_eq!(top.len(), 2);
    machine
        .with(|daemon, host| daemon.stop("web", &StopOptions::default(), host))
        .expect("it stops");
    let not_running = format!("container {id} is not running");
    assert_eq!(
        machine.refused(|daemon, _| daemon.top("web").map(<[_]>::len)),
        not_running
    );
    let options = ExecOptions {
        argv: vec!["sh".to_owned()],
        ..ExecOptions::default()
    };
    assert_eq!(
        machine.refused(|daemon, host| daemon.exec("web", &options, host)),
        not_running
    );
    machine.check();
}

#[test]
fn standard_input_reaches_the_process() {
    let mut machine = Machine::new();
    let id = machine.create(options("base:1", &["sh", "stdin"])).expect("it is made");
    let stdin = Stdin::Bytes(b"piped".to_vec());
    let ran = machine
        .with(|daemon, host| daemon.start(&id, &stdin, host))
        .expect("it starts");
    assert_eq!(ran.output[0].bytes, b"piped");
    let id = machine.create(options("base:1", &["sh", ""])).expect("it is made");
    machine
        .with(|daemon, host| daemon.start(&id, &Stdin::Open, host))
        .expect("it starts");
    assert_eq!(
        machine.script.requests.last().expect("it ran").purpose,
        Purpose::Interactive
    );
}

#[test]
fn logs_keep_streams_and_times_and_go_on_over_restarts() {
    let mut machine = Machine::new();
    machine.up("web", "echo one;err two");
    machine.now = Time::of_secs(START + 60);
    machine
        .with(|daemon, host| daemon.restart("web", &StopOptions::default(), host))
        .expect("it restarts");
    let lines = logs(&mut machine, "web", LogOptions::default()).expect("it is here");
    let shown: Vec<(i64, Stream, &[u8])> = lines
        .iter()
        .map(|l| (l.time.secs - START, l.stream, &l.bytes[..]))
        .collect();
    assert_eq!(
        shown,
        [
            (0, Stream::Out, &b"one\n"[..]),
            (0, Stream::Err, b"two\n"),
            (70, Stream::Out, b"one\n"),
            (70, Stream::Err, b"two\n"),
        ],
        "the process was given ten seconds to end"
    );
    let tail = LogOptions {
        tail: Some(1),
        since: Some(Time::of_secs(START + 1)),
        until: None,
    };
    assert_eq!(logs(&mut machine, "web", tail).expect("it is here").len(), 1);
    machine
        .daemon
        .append_log("web", &[builder::Output::out("more")], machine.now)
        .expect("it is here");
    assert_eq!(
        logs(&mut machine, "web", LogOptions::default()).expect("it is here")[4].bytes,
        b"more"
    );
}

#[test]
fn a_port_of_the_host_leads_to_one_container() {
    let mut machine = Machine::new();
    let web = |name: &str, text: &str| CreateOptions {
        name: Some(name.to_owned()),
        ports: ports(text),
        ..options("base:1", &["last"])
    };
    machine.run(web("one", "8080:80")).expect("it starts");
    let shown: Vec<String> = machine
        .daemon
        .ports("one")
        .expect("it is here")
        .iter()
        .map(|port| format!("{}/{} -> {}:{}", port.container, port.protocol, port.host_ip, port.host))
        .collect();
    assert_eq!(shown, ["80/tcp -> 0.0.0.0:8080", "80/tcp -> :::8080"]);
    let two = machine.create(web("two", "127.0.0.1:8080:80")).expect("it is made");
    let refusal = machine.refused(|daemon, host| daemon.start("two", &Stdin::Nothing, host));
    assert!(
        refusal.starts_with("driver failed programming external connectivity on endpoint two (")
            && refusal.ends_with("): Bind for 127.0.0.1:8080 failed: port is already allocated"),
        "{refusal}"
    );
    assert_eq!(
        machine.daemon.container(&two).expect("it is here").state.status,
        Status::Created
    );
    machine
        .run(web("udp", "8080:80/udp"))
        .expect("another protocol is another port");
    machine
        .run(web("range", "8080-8082:80"))
        .expect("the first free one of a range");
    assert_eq!(machine.daemon.ports("range").expect("it is here")[0].host, 8081);
    machine.run(web("any", "80")).expect("any port");
    assert_eq!(machine.daemon.ports("any").expect("it is here")[0].host, 32768);
    let (container, port) = machine
        .daemon
        .listener(8080, engine::Protocol::Tcp)
        .expect("somebody listens");
    assert_eq!((container.name.as_str(), port), ("one", 80));
    machine
        .with(|daemon, host| daemon.stop("one", &StopOptions::default(), host))
        .expect("it stops");
    machine.start("two").expect("the port is free again");
}

#[test]
fn all_exposed_ports_are_published_with_their_own_numbers_and_none_without_a_network() {
    let mut machine = Machine::new();
    machine.add("web:1", |config| {
        config.exposed_ports = ["80/tcp", "443/tcp"].map(str::to_owned).into();
    });
    let all = CreateOptions {
        publish_all: true,
        ..options("web:1", &["last"])
    };
    let id = machine.run(all.clone()).expect("it starts").id;
    let hosts: Vec<u16> = machine
        .daemon
        .ports(&id)
        .expect("it is here")
        .iter()
        .map(|port| port.host)
        .collect();
    assert_eq!(
        hosts,
        [32769, 32769, 32768, 32768],
        "in the order of the container's ports"
    );
    let none = CreateOptions {
        network: Network::None,
        ..all
    };
    let id = machine.run(none).expect("it starts").id;
    assert!(machine.daemon.ports(&id).expect("it is here").is_empty());
    assert!(!machine.script.requests.last().expect("it ran").network);
}

#[test]
fn port_texts_are_read_as_docker_reads_them() {
    let shown = |text: &str| {
        let read = PortMapping::parse(text).map_err(|error| error.to_string())?;
        let one = |m: PortMapping| format!("{}|{:?}|{}/{}", m.host_ip, m.host, m.container, m.protocol);
        Ok::<_, String>(read.into_iter().map(one).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(shown("80"), Ok("|None|80/tcp".to_owned()));
    assert_eq!(shown("5000:5000"), Ok("|Some((5000, 5000))|5000/tcp".to_owned()));
    assert_eq!(shown("127.0.0.1::53/udp"), Ok("127.0.0.1|None|53/udp".to_owned()));
    assert_eq!(shown("[::1]:80:80"), Ok("::1|Some((80, 80))|80/tcp".to_owned()));
    assert_eq!(
        shown("8000-8001:80-81"),
        Ok("|Some((8000, 8000))|80/tcp |Some((8001, 8001))|81/tcp".to_owned())
    );
    for (text, message) in [
        ("", "no port specified: <empty>"),
        ("x", "invalid containerPort: x"),
        ("x:80", "invalid hostPort: x"),
        ("80/foo", "invalid proto: foo"),
        ("1.2.3:80:80", "invalid IP address: 1.2.3"),
        (
            "8000-8005:80-81",
            "invalid ranges specified for container and host Ports: 80-81 and 8000-8005",
        ),
        ("70000", "invalid containerPort: 70000"),
    ] {
        assert_eq!(shown(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn lists_are_filtered_and_say_how_long_it_was() {
    let mut machine = Machine::new();
    machine.up("web", "");
    machine.now = Time::of_secs(START + 1);
    let done = machine.run(options("base:1", &["sh", "fail 2"])).expect("it runs").id;
    let now = Time::of_secs(START + 180);
    let list = |which, filters: &ContainerFilters| {
        let rows = machine.daemon.list_containers(which, filters, now).expect("a list");
        rows.into_iter().map(|row| row.status).collect::<Vec<_>>()
    };
    let all = ContainerFilters::default();
    assert_eq!(list(Which::Running, &all), ["Up 3 minutes"]);
    assert_eq!(list(Which::All, &all), ["Exited (2) 2 minutes ago", "Up 3 minutes"]);
    assert_eq!(list(Which::Last(1), &all), ["Exited (2) 2 minutes ago"]);
    let filters = |change: &dyn Fn(&mut ContainerFilters)| {
        let mut filters = ContainerFilters::default();
        change(&mut filters);
        filters
    };
    let up = ["Up 3 minutes"];
    assert_eq!(list(Which::All, &filters(&|f| f.names = vec!["we".to_owned()])), up);
    assert_eq!(list(Which::All, &filters(&|f| f.names = vec!["^/web$".to_owned()])), up);
    assert!(list(Which::All, &filters(&|f| f.names = vec!["^we$".to_owned()])).is_empty());
    assert_eq!(
        list(Which::All, &filters(&|f| f.since = Some("web".to_owned()))).len(),
        1
    );
    assert_eq!(list(Which::All, &filters(&|f| f.before = Some(done.clone()))), up);
    assert_eq!(
        list(Which::Running, &filters(&|f| f.exited = vec![2])),
        ["Exited (2) 2 minutes ago"]
    );
    assert_eq!(
        list(Which::Running, &filters(&|f| f.statuses = vec!["exited".to_owned()])).len(),
        1
    );
    assert_eq!(
        list(Which::All, &filters(&|f| f.ancestors = vec!["base:1".to_owned()])).len(),
        2
    );
    assert!(list(Which::All, &filters(&|f| f.ancestors = vec!["nope".to_owned()])).is_empty());
    let bad = filters(&|f| f.statuses = vec!["nope".to_owned()]);
    let refusal = machine
        .daemon
        .list_containers(Which::All, &bad, now)
        .expect_err("unknown");
    assert_eq!(refusal.to_string(), "invalid filter 'status=nope'");
}

#[test]
fn a_row_names_its_image_by_id_once_the_name_means_another() {
    let mut machine = Machine::new();
    machine.up("web", "");
    let image = |machine: &Machine| {
        let rows = machine
            .daemon
            .list_containers(Which::All, &ContainerFilters::default(), machine.now);
        rows.expect("a list").remove(0).image
    };
    assert_eq!(image(&machine), "base:1");
    let id = machine.daemon.image("base:1").expect("it is here").id;
    machine
        .daemon
        .tag("base:1", &reference("kept"), machine.now)
        .expect("it is here");
    machine.add("base:1", |config| config.user = "web".to_owned());
    assert_eq!(image(&machine), id.short());
}
