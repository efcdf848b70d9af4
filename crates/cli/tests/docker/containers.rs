//! Containers: made, run, looked at, stopped, removed.

use crate::support::Workstation;
use cli::docker::{Lasting, Outcome};

fn with_base() -> Workstation {
    let mut machine = Workstation::new();
    machine.ok("pull -q base:1");
    machine
}

#[test]
fn a_run_pulls_what_is_missing_and_says_so_beside_the_output() {
    let mut machine = Workstation::new();
    let said = machine.docker("run base:1 sh -c 'echo hi'");
    assert_eq!((said.out.as_str(), said.code()), ("hi\n", 0));
    assert!(
        said.err
            .starts_with("Unable to find image 'base:1' locally\n1: Pulling from library/base\n"),
        "{}",
        said.err
    );
    assert!(
        said.err.ends_with("Status: Downloaded newer image for base:1\n"),
        "{}",
        said.err
    );
    assert_eq!(machine.docker("run base:1 sh -c 'echo hi'").err, "");
    let (error, code) = machine.fails("run --pull never nothing");
    assert_eq!(code, 125);
    assert_eq!(
        error,
        "docker: Error response from daemon: No such image: nothing:latest\n\nRun 'docker run --help' for more information\n"
    );
}

#[test]
fn a_run_ends_as_its_process_does() {
    let mut machine = with_base();
    let said = machine.docker("run --rm base:1 sh -c 'echo out; err bad; fail 3'");
    assert_eq!(
        (said.out.as_str(), said.err.as_str(), said.code()),
        ("out\n", "bad\n", 3)
    );
    assert_eq!(machine.ok("ps -aq"), "");
    let said = machine.docker("run -a stderr base:1 sh -c 'echo out; err bad'");
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", "bad\n"));
}

#[test]
fn what_cannot_be_started_has_dockers_exit_code() {
    let mut machine = with_base();
    let said = machine.docker("run base:1 missing");
    assert_eq!(said.code(), 127);
    assert!(
        said.err
            .starts_with("docker: Error response from daemon: failed to create task for container:"),
        "{}",
        said.err
    );
    assert!(
        said.err
            .ends_with("unknown\n\nRun 'docker run --help' for more information\n"),
        "{}",
        said.err
    );
    assert_eq!(machine.docker("run base:1 /etc/passwd").code(), 126);
    assert_eq!(machine.ok("ps -aq").lines().count(), 2);
    // Detached, the ID comes all the same; with --rm the container goes.
    let said = machine.docker("run -d --rm base:1 missing");
    assert_eq!((said.out.len(), said.code()), (65, 127));
    assert_eq!(machine.ok("ps -aq").lines().count(), 2);
}

#[test]
fn wrong_options_are_refused_before_anything_is_made() {
    let mut machine = with_base();
    machine.file("/home/me/cid", "x");
    machine.file("/home/me/bad.env", "a b=c\n");
    let cases = [
        ("run -p x base:1", "invalid containerPort: x"),
        ("run -p 99999:1 base:1", "invalid hostPort: 99999"),
        (
            "run --rm --restart=always base:1",
            "conflicting options: cannot specify both --restart and --rm",
        ),
        (
            "run --restart=on-failure:x base:1",
            "invalid restart policy format: maximum retry count must be an integer",
        ),
        (
            "run --expose x base:1",
            "invalid range format for --expose: x, error: strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        (
            "run --pull foo base:1",
            "invalid pull option: 'foo': must be one of \"always\", \"missing\" or \"never\"",
        ),
        (
            "run --no-healthcheck --health-cmd x base:1",
            "--no-healthcheck conflicts with --health-* options",
        ),
        ("run --env-file none base:1", "open none: no such file or directory"),
        (
            "run --env-file bad.env base:1",
            "invalid env file (bad.env): variable 'a b' contains whitespaces",
        ),
        (
            "run --cidfile cid base:1",
            "container ID file found, make sure the other container isn't running or delete cid",
        ),
        (
            "run --network nonesuch base:1",
            "Error response from daemon: failed to set up container networking: network nonesuch not found",
        ),
        ("run a:b:c", "invalid reference format"),
        (
            "run --platform foo base:1",
            "error parsing specified platform: \"foo\": unknown operating system or architecture: invalid argument",
        ),
    ];
    for (line, error) in cases {
        let (said, code) = machine.fails(line);
        assert_eq!(
            said,
            format!("docker: {error}\n\nRun 'docker run --help' for more information\n"),
            "{line}"
        );
        assert_eq!(code, 125, "{line}");
    }
    assert_eq!(machine.ok("ps -aq"), "");
    assert_eq!(
        machine.fails("run -d -a stdout base:1"),
        (
            "conflicting options: cannot specify both --attach and --detach\n".to_owned(),
            1
        )
    );
    assert_eq!(
        machine.fails("run -it base:1"),
        ("the input device is not a TTY\n".to_owned(), 1)
    );
}

#[test]
fn the_environment_comes_from_flags_files_and_the_shell() {
    let mut machine = with_base();
    machine.file("/home/me/vars", "# colours\nA=file\n\nCOLOUR\n");
    assert_eq!(machine.ok("run -e A=flag base:1 sh -c 'env A'"), "flag\n");
    assert_eq!(machine.ok("run -e COLOUR base:1 sh -c 'env COLOUR'"), "blue\n");
    assert_eq!(
        machine.ok("run --env-file vars base:1 sh -c 'env A; env COLOUR'"),
        "file\nblue\n"
    );
    assert_eq!(
        machine.ok("run --env-file vars -e A=flag base:1 sh -c 'env A'"),
        "flag\n"
    );
    assert_eq!(machine.ok("run -e UNSET base:1 sh -c 'env UNSET'"), "unset\n");
}

#[test]
fn flags_that_do_nothing_here_say_so() {
    let mut machine = with_base();
    let said = machine.docker("run --memory 64m base:1 sh -c 'echo hi'");
    assert_eq!(said.err, "WARNING: --memory has no effect on this machine\n");
    assert_eq!(said.out, "hi\n");
}

#[test]
fn a_process_that_lasts_is_for_the_terminal_to_decide() {
    let mut machine = with_base();
    let said = machine.docker("run --name web base:1");
    let Outcome::Lasts { container, doing } = said.outcome else {
        panic!("{said:?}")
    };
    assert_eq!(doing, Lasting::Attached);
    assert!(machine.ok("ps -q --no-trunc").starts_with(&container));
    let said = machine.at_terminal("run -it --name shell base:1 sh", &[]);
    assert!(
        matches!(&said.outcome, Outcome::Interactive { exec: None, argv, .. } if argv == &["sh"]),
        "{said:?}"
    );
    let said = machine.at_terminal("exec -it web sh", &[]);
    assert!(
        matches!(said.outcome, Outcome::Interactive { exec: Some(_), .. }),
        "{said:?}"
    );
    let said = machine.docker("logs -f web");
    assert!(
        matches!(
            said.outcome,
            Outcome::Lasts {
                doing: Lasting::Logs { timestamps: false, .. },
                ..
            }
        ),
        "{said:?}"
    );
    let said = machine.docker("wait web");
    assert!(
        matches!(
            said.outcome,
            Outcome::Lasts {
                doing: Lasting::Waiting,
                ..
            }
        ),
        "{said:?}"
    );
    let said = machine.docker("attach web");
    assert!(
        matches!(
            said.outcome,
            Outcome::Lasts {
                doing: Lasting::Attached,
                ..
            }
        ),
        "{said:?}"
    );
    machine.ok("stop -t 0 web");
    assert_eq!(
        machine.fails("attach web").0,
        "You cannot attach to a stopped container, start it first\n"
    );
    assert_eq!(machine.ok("wait web"), "137\n");
}

#[test]
fn what_is_piped_into_a_run_is_its_input() {
    let mut machine = with_base();
    assert_eq!(machine.piped(b"abc", "run -i base:1 sh -c stdin").out, "abc");
    assert_eq!(machine.piped(b"abc", "run base:1 sh -c stdin").out, "");
}

#[test]
fn ps_shows_what_runs_and_with_a_what_ran() {
    let mut machine = with_base();
    let id = machine.ok("run -d --name web -p 8080:80 base:1");
    machine.ok("run --name once base:1 sh -c 'echo done'");
    machine.secs += 118;
    assert_eq!(
        machine.ok("ps"),
        format!(
            "CONTAINER ID   IMAGE     COMMAND   CREATED         STATUS         PORTS                                     NAMES\n\
             {}   base:1    \"last\"    2 minutes ago   Up 2 minutes   0.0.0.0:8080->80/tcp, [::]:8080->80/tcp   web\n",
            &id[..12]
        )
    );
    assert_eq!(
        machine.ok("ps -a --format '{{.Names}}: {{.Status}} ({{.State}}) {{.Command}}'"),
        "once: Exited (0) 2 minutes ago (exited) \"sh -c 'echo done'\"\nweb: Up 2 minutes (running) \"last\"\n"
            .replace("sh -c 'echo done'", "sh -c echo done")
            .as_str()
    );
    assert_eq!(machine.ok("ps -q"), format!("{}\n", &id[..12]));
    assert_eq!(machine.ok("ps -q --no-trunc"), id);
    assert_eq!(machine.ok("ps -l --format '{{.Names}}'"), "once\n");
    assert_eq!(machine.ok("ps -aq -f status=exited -f name=once").lines().count(), 1);
    assert!(machine.ok("ps -s").contains("0B (virtual 38B)"));
    assert_eq!(
        machine.fails("ps -f foo=bar").0,
        "Error response from daemon: invalid filter 'foo'\n"
    );
    assert_eq!(
        machine.fails("ps --format '{{.Foo}}'").0,
        "failed to execute template: template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type \
         *formatter.ContainerContext\n"
    );
}

#[test]
fn containers_are_stopped_started_frozen_and_removed_by_name() {
    let mut machine = with_base();
    machine.ok("run -d --name web base:1");
    assert_eq!(machine.ok("pause web"), "web\n");
    assert_eq!(
        machine.ok("ps --format '{{.Status}}'"),
        "Up 1 second (Paused)\n".replace("1 second", "2 seconds")
    );
    assert_eq!(machine.ok("unpause web"), "web\n");
    assert_eq!(machine.ok("restart -t 0 web"), "web\n");
    let said = machine.docker("stop -t 0 web none");
    assert_eq!((said.out.as_str(), said.code()), ("web\n", 1));
    assert_eq!(said.err, "Error response from daemon: No such container: none\n");
    assert_eq!(machine.ok("start web"), "web\n");
    assert_eq!(
        machine.fails("start none").0,
        "Error response from daemon: No such container: none\nError: failed to start containers: none\n"
    );
    let (error, code) = machine.fails("rm web");
    assert_eq!(code, 1);
    assert_eq!(
        error,
        "Error response from daemon: cannot remove container \"/web\": container is running: stop the container before \
         removing or force remove\n"
    );
    assert_eq!(machine.ok("kill web"), "web\n");
    assert_eq!(machine.ok("rename web old"), "");
    assert_eq!(machine.ok("rm old"), "old\n");
    let said = machine.docker("rm -f old");
    assert_eq!(
        (said.err.as_str(), said.code()),
        ("Error response from daemon: No such container: old\n", 0)
    );
    assert_eq!(
        machine.fails("rename old new").0,
        "Error response from daemon: No such container: old\nError: failed to rename container named old\n"
    );
    assert_eq!(
        machine.fails("rename old ''").0,
        "Error: Neither old nor new names may be empty\n"
    );
}

#[test]
fn a_container_is_made_without_being_started() {
    let mut machine = with_base();
    let id = machine.ok("create --name later base:1");
    assert_eq!(id.trim().len(), 64);
    assert_eq!(machine.ok("ps -a --format '{{.Status}}'"), "Created\n");
    assert_eq!(
        machine
            .fails("create --name later base:1")
            .0
            .lines()
            .next()
            .unwrap_or_default(),
        format!(
            "Error response from daemon: Conflict. The container name \"/later\" is already in use by container \"{}\". You have \
             to remove (or rename) that container to be able to reuse that name.",
            id.trim()
        )
    );
    let said = machine.docker("create -p x base:1");
    assert_eq!(
        said.err,
        "docker: invalid containerPort: x\n\nRun 'docker create --help' for more information\n"
    );
    machine.ok("create --cidfile id base:1");
    assert_eq!(machine.text("/home/me/id").len(), 64);
}

#[test]
fn logs_keep_what_a_container_wrote() {
    let mut machine = with_base();
    machine.ok("run --name once base:1 sh -c 'echo one; err two; echo three'");
    let said = machine.docker("logs once");
    assert_eq!((said.out.as_str(), said.err.as_str()), ("one\nthree\n", "two\n"));
    assert_eq!(machine.ok("logs -n 1 once"), "three\n");
    assert_eq!(
        machine.ok("logs -t --tail 1 once"),
        "2023-11-14T22:13:21.000000000Z three\n"
    );
    assert_eq!(machine.ok("logs --since 1h once"), "one\nthree\n");
    assert_eq!(machine.ok("logs --until 1h once"), "");
    assert_eq!(
        machine.fails("logs --since x once").0,
        "invalid value for \"since\": failed to parse value as time or duration: \"x\"\n"
    );
}

#[test]
fn a_process_is_added_to_a_container() {
    let mut machine = with_base();
    machine.ok("run -d --name web base:1");
    assert_eq!(machine.docker("exec web sh -c 'echo in; fail 4'").code(), 4);
    assert_eq!(machine.ok("exec -e A=1 web sh -c 'env A'"), "1\n");
    assert_eq!(machine.ok("exec -d web sh -c 'echo unseen'"), "");
    assert_eq!(machine.piped(b"x", "exec -i web sh -c stdin").out, "x");
    let said = machine.docker("exec web missing");
    assert_eq!(said.code(), 127);
    assert!(
        said.out.starts_with("OCI runtime exec failed: exec failed:"),
        "{said:?}"
    );
    machine.ok("stop -t 0 web");
    assert!(machine.fails("exec web sh").0.ends_with("is not running\n"));
}

#[test]
fn files_are_copied_both_ways() {
    let mut machine = with_base();
    machine.ok("run -d --name web base:1");
    machine.file("/home/me/note", "from here\n");
    assert_eq!(machine.ok("cp note web:/srv/note"), "");
    assert_eq!(machine.ok("diff web"), "C /srv\nA /srv/note\n");
    machine.ok("cp web:/srv/note back");
    assert_eq!(machine.text("/home/me/back"), "from here\n");
    let said = machine.at_terminal("cp web:/srv/page .", &[]);
    assert!(
        said.err.starts_with("Successfully copied ") && said.err.ends_with(" to /home/me/.\n"),
        "{}",
        said.err
    );
    assert_eq!(machine.text("/home/me/page"), "hello\n");
    let tar = machine.docker("cp web:/srv/page -");
    assert_eq!(machine.piped(&tar.bytes, "cp - web:/etc").code(), 0);
    assert!(machine.ok("diff web").contains("A /etc/page\n"));
    for (line, error) in [
        ("cp a b", "must specify at least one container source\n"),
        ("cp a:/b c:/d", "copying between containers is not supported\n"),
        ("cp none web:/x", "lstat /home/me/none: no such file or directory\n"),
        (
            "cp web:/none x",
            "Error response from daemon: Could not find the file /none in container web\n",
        ),
        (
            "cp web:/srv/page none/deep/x",
            "invalid output path: directory \"/home/me/none/deep\" does not exist\n",
        ),
    ] {
        assert_eq!(machine.fails(line).0, error, "{line}");
    }
}

#[test]
fn a_container_becomes_an_image() {
    let mut machine = with_base();
    machine.ok("run --name once base:1 sh -c 'write /made here'");
    let id = machine.ok("commit -m 'what was made' -a me -c 'ENV X=1' once made:1");
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(
        machine.ok("inspect made:1 -f '{{.Comment}}|{{.Author}}|{{.Config.Env}}'"),
        "what was made|me|[PATH=/bin X=1]\n"
    );
    assert_eq!(machine.ok("history made:1").lines().count(), 4);
}

#[test]
fn ports_and_processes_are_shown() {
    let mut machine = with_base();
    machine.ok("run -d --name web -p 8080:80 base:1");
    assert_eq!(machine.ok("port web"), "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n");
    assert_eq!(machine.ok("port web 80/tcp"), "0.0.0.0:8080\n[::]:8080\n");
    assert_eq!(
        machine.fails("port web 81").0,
        "Error: No public port '81' published for web\n"
    );
    assert_eq!(
        machine.fails("port web foo").0,
        "Error: invalid port (foo): strconv.ParseUint: parsing \"foo\": invalid syntax\n"
    );
    let top = machine.ok("top web");
    let lines: Vec<&str> = top.lines().collect();
    assert!(
        lines[0].starts_with("UID                 PID                 PPID                C                   STIME")
    );
    assert!(
        lines[1].starts_with("root                ") && lines[1].ends_with("00:00:00            last"),
        "{top}"
    );
}

#[test]
fn a_stop_takes_as_long_as_the_process_lets_it() {
    let mut machine = with_base();
    machine.ok("run -d --name web base:1");
    let millis = machine.docker("stop -t 7 web").millis;
    assert!((7000..8000).contains(&millis), "{millis}");
    assert_eq!(machine.docker("ps").millis, 0);
}

#[test]
fn a_port_is_given_once() {
    let mut machine = with_base();
    machine.ok("run -d -p 8080:80 base:1");
    let (error, code) = machine.fails("run -d -p 8080:80 --name second base:1");
    assert_eq!(code, 125);
    assert!(
        error.contains("Bind for 0.0.0.0:8080 failed: port is already allocated"),
        "{error}"
    );
}
