//! What happens by itself: restart policies, health checks, the daemon's own restart.

use super::support::{Machine, START, options};
use engine::{CreateOptions, Event, HealthStatus, Restart, Status, StopOptions};
use oci::{Healthcheck, Time};

fn restarting(policy: Restart, script: &str) -> CreateOptions {
    CreateOptions {
        name: Some("web".to_owned()),
        restart: policy,
        ..options("base:1", &["sh", script])
    }
}

fn tick(machine: &mut Machine, secs: i64) -> Vec<Event> {
    machine.now = Time::of_secs(START + secs);
    machine.with(engine::Daemon::tick)
}

fn status(machine: &Machine) -> (Status, u32) {
    let container = machine.daemon.container("web").expect("it is here");
    (container.state.status, container.state.restarts)
}

#[test]
fn policies_are_read_as_docker_reads_them() {
    let read = |text: &str| text.parse::<Restart>().map_err(|error| error.to_string());
    assert_eq!(read("always"), Ok(Restart::Always));
    assert_eq!(read("on-failure:3"), Ok(Restart::OnFailure(3)));
    assert_eq!(read("on-failure"), Ok(Restart::OnFailure(0)));
    assert_eq!(read("no"), Ok(Restart::No));
    assert_eq!(
        read("always:3"),
        Err("invalid restart policy: maximum retry count can only be used with 'on-failure'".to_owned())
    );
    assert_eq!(
        read("on-failure:x"),
        Err("maximum retry count must be an integer".to_owned())
    );
    assert_eq!(
        read("sometimes"),
        Err(
            "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or \
             'unless-stopped'"
                .to_owned()
        )
    );
}

#[test]
fn what_ends_is_started_again_with_longer_and_longer_pauses() {
    let mut machine = Machine::new();
    machine.run(restarting(Restart::Always, "fail 1")).expect("it starts");
    assert_eq!(status(&machine), (Status::Restarting, 0));
    let due = machine.daemon.next_tick().expect("it is to be started again");
    assert_eq!((due.secs - START, due.nanos), (0, 101_000_000));
    let events = tick(&mut machine, 3);
    assert_eq!(events.len(), 4, "after 0.1, 0.2, 0.4 and 0.8 seconds");
    assert_eq!(status(&machine), (Status::Restarting, 4));
    assert_eq!(tick(&mut machine, 3).len(), 0);
    machine
        .with(|daemon, host| daemon.stop("web", &StopOptions::default(), host))
        .expect("it stops between two runs");
    assert_eq!(status(&machine).0, Status::Exited);
    assert_eq!(tick(&mut machine, 1000).len(), 0);
}

#[test]
fn on_failure_gives_up_and_ignores_success() {
    let mut machine = Machine::new();
    machine
        .run(restarting(Restart::OnFailure(2), "fail 1"))
        .expect("it starts");
    assert_eq!(tick(&mut machine, 100).len(), 2);
    assert_eq!(status(&machine), (Status::Exited, 2));
    let mut machine = Machine::new();
    machine
        .run(restarting(Restart::OnFailure(2), "fail 0"))
        .expect("it starts");
    assert_eq!(status(&machine), (Status::Exited, 0));
}

#[test]
fn after_the_daemons_restart_those_run_whose_policy_says_so() {
    let mut machine = Machine::new();
    for (name, policy) in [
        ("no", Restart::No),
        ("always", Restart::Always),
        ("unless", Restart::UnlessStopped),
        ("always-stopped", Restart::Always),
        ("unless-stopped", Restart::UnlessStopped),
        ("failure", Restart::OnFailure(0)),
    ] {
        let made = CreateOptions {
            name: Some(name.to_owned()),
            restart: policy,
            ..options("base:1", &["last"])
        };
        machine.run(made).expect("it starts");
        if name.ends_with("stopped") {
            machine
                .with(|daemon, host| daemon.stop(name, &StopOptions::default(), host))
                .expect("it stops");
        }
    }
    let events = machine.with(engine::Daemon::restart_daemon);
    assert_eq!(events.len(), 4);
    let mut running: Vec<&str> = machine
        .daemon
        .containers()
        .filter(|c| c.is_running())
        .map(|c| c.name.as_str())
        .collect();
    running.sort_unstable();
    assert_eq!(running, ["always", "always-stopped", "failure", "unless"]);
    assert_eq!(machine.daemon.container("no").expect("it is here").state.exit, 137);
}

fn checked(script: &str, change: impl FnOnce(&mut Healthcheck)) -> CreateOptions {
    let mut health = Healthcheck {
        test: vec!["CMD-SHELL".to_owned(), script.to_owned()],
        interval: 10_000_000_000,
        ..Healthcheck::default()
    };
    change(&mut health);
    CreateOptions {
        name: Some("web".to_owned()),
        health: Some(health),
        ..options("base:1", &["last", "write /ok 1"])
    }
}

fn health(machine: &Machine) -> (HealthStatus, u32, usize) {
    let container = machine.daemon.container("web").expect("it is here");
    let health = container.state.health.as_ref().expect("it is checked");
    (health.status, health.failing, health.log.len())
}

#[test]
fn a_container_is_well_with_the_first_check_that_says_so() {
    let mut machine = Machine::new();
    machine.run(checked("need /ok;echo fine", |_| {})).expect("it starts");
    assert_eq!(health(&machine), (HealthStatus::Starting, 0, 0));
    let status = |machine: &Machine| {
        machine
            .daemon
            .container("web")
            .expect("it is here")
            .status_text(machine.now)
    };
    assert_eq!(status(&machine), "Up Less than a second (health: starting)");
    assert!(tick(&mut machine, 9).is_empty());
    let events = tick(&mut machine, 10);
    assert!(
        matches!(
            &events[..],
            [Event::Health {
                status: HealthStatus::Healthy,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(health(&machine), (HealthStatus::Healthy, 0, 1));
    assert_eq!(status(&machine), "Up 10 seconds (healthy)");
    let last = machine.script.requests.last().expect("it ran");
    assert_eq!(last.argv[..2], ["/bin/sh", "-c"]);
}

#[test]
fn it_is_unwell_after_three_failures_and_well_again_after_one_success() {
    let mut machine = Machine::new();
    machine.run(checked("need /nope", |_| {})).expect("it starts");
    assert!(tick(&mut machine, 25).is_empty());
    assert_eq!(health(&machine), (HealthStatus::Starting, 2, 2));
    assert_eq!(tick(&mut machine, 35).len(), 1);
    assert_eq!(health(&machine), (HealthStatus::Unhealthy, 3, 3));
    let fix = engine::ExecOptions {
        argv: vec!["sh".to_owned(), "write /nope 1".to_owned()],
        ..engine::ExecOptions::default()
    };
    machine
        .with(|daemon, host| daemon.exec("web", &fix, host))
        .expect("it runs");
    tick(&mut machine, 45);
    assert_eq!(health(&machine).0, HealthStatus::Healthy);
}

#[test]
fn failures_while_it_starts_do_not_count_and_slow_checks_fail() {
    let mut machine = Machine::new();
    let slow_start = checked("need /nope", |health| health.start_period = 60_000_000_000);
    machine.run(slow_start).expect("it starts");
    tick(&mut machine, 59);
    let (status, failing, _) = health(&machine);
    assert_eq!((status, failing), (HealthStatus::Starting, 0));
    let mut machine = Machine::new();
    let slow = checked("take 5000", |health| {
        health.timeout = 1_000_000_000;
        health.retries = 1;
    });
    machine.run(slow).expect("it starts");
    tick(&mut machine, 10);
    assert_eq!(health(&machine).0, HealthStatus::Unhealthy);
    let container = machine.daemon.container("web").expect("it is here");
    let probe = &container.state.health.as_ref().expect("it is checked").log[0];
    assert_eq!(
        (probe.exit, probe.output.as_str()),
        (-1, "Health check exceeded timeout (1s)")
    );
}

#[test]
fn none_switches_the_images_check_off_and_a_long_sleep_is_not_made_up_for() {
    let mut machine = Machine::new();
    let off = checked("", |health| health.test = vec!["NONE".to_owned()]);
    machine.run(off).expect("it starts");
    assert!(
        machine
            .daemon
            .container("web")
            .expect("it is here")
            .state
            .health
            .is_none()
    );
    assert_eq!(machine.daemon.next_tick(), None);
    let mut machine = Machine::new();
    machine.run(checked("need /ok", |_| {})).expect("it starts");
    let before = machine.script.requests.len();
    tick(&mut machine, 1_000_000);
    let probes = machine.script.requests.len() - before;
    assert!(probes <= 12, "{probes}");
    assert!(machine.daemon.next_tick().expect("it is checked") > machine.now);
}

#[test]
fn times_of_a_check_that_make_no_sense_stop_nothing() {
    for number in [i64::MAX, i64::MIN, -1, 0] {
        let mut machine = Machine::new();
        let odd = checked("need /ok", |health| {
            health.interval = number;
            health.timeout = number;
            health.start_period = number;
            health.start_interval = number;
            health.retries = number;
        });
        machine.run(odd).expect("it starts");
        tick(&mut machine, 1_000_000);
        assert!(machine.daemon.next_tick().is_some(), "{number}");
    }
}
