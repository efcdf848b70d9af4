//! Containers for real: the program is run as a person runs it, over an image of one static busybox.
//!
//! These take root and a static busybox, and say so where they find neither.

mod copies;
mod machine;
mod options;
mod rootless;

use machine::{Machine, PROGRAM};
use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

#[test]
fn what_a_running_container_lies_on_is_held_until_its_end() {
    let Some(machine) = Machine::new("ground") else { return };
    let n_held = |machine: &Machine| {
        let snapshots = fs::read_dir(machine.folder.join("root/snapshots")).unwrap();
        let records = snapshots.filter_map(|entry| fs::File::open(entry.unwrap().path().join("record.json")).ok());
        records.filter(|record| record.try_lock().is_err()).count()
    };
    machine.ok(&["run", "-d", "--name", "long", "base:1", "sleep", "1000"]);
    assert_eq!(n_held(&machine), 1);
    machine.ok(&["rm", "-f", "long"]);
    machine.until("nothing is held any more", |machine| n_held(machine) == 0);
}

#[test]
fn a_container_that_is_damaged_is_found_and_put_away_with_its_files() {
    let Some(machine) = Machine::new("damaged") else { return };
    for name in ["whole", "damaged", "bare"] {
        machine.ok(&[
            "run",
            "--name",
            name,
            "-v",
            "kept:/kept",
            "base:1",
            "sh",
            "-c",
            "echo mine > /mine",
        ]);
    }
    let folder = |name: &str| {
        machine
            .folder
            .join("root/containers")
            .join(machine.inspect(name, "{{.Id}}"))
    };
    let (damaged, bare) = (folder("damaged"), folder("bare"));
    assert!(
        machine
            .ok(&["system", "fsck"])
            .ends_with("3 containers: nothing is wrong\n")
    );
    fs::remove_dir_all(bare.join("upper")).unwrap();
    fs::write(damaged.join("container.json"), "{").unwrap();
    fs::remove_dir_all(machine.folder.join("root/volumes/kept")).unwrap();
    fs::create_dir(machine.folder.join("root/snapshots/half")).unwrap();
    assert!(
        machine
            .run(&["ps", "-a"])
            .err
            .contains("`layerlab system fsck --repair`")
    );
    let said = machine.run(&["system", "fsck"]);
    assert_eq!(said.code, 1, "{said:?}");
    for sentence in [
        ": its record: EOF while parsing an object at line 1 column 1\n",
        ": its writable layer is missing\n",
        "volume kept: its directory is missing\n",
        "snapshots/half\n",
        ": 3 problems\n",
    ] {
        assert!(said.out.contains(sentence), "{sentence} in {said:?}");
    }
    let said = machine.run(&["system", "fsck", "--repair"]);
    assert!(said.out.ends_with("1 container: 1 problem\n"), "{said:?}");
    let quarantine = machine
        .folder
        .join("root/quarantine")
        .join(damaged.file_name().unwrap());
    assert_eq!(fs::read_to_string(quarantine.join("upper/mine")).unwrap(), "mine\n");
    assert_eq!(machine.ok(&["ps", "-a", "--format", "{{.Names}}"]), "whole\n");
    // What nobody has any more is for a person to give up.
    machine.ok(&["rm", "whole"]);
    machine.ok(&["volume", "rm", "kept"]);
    assert!(machine.ok(&["system", "fsck"]).ends_with("nothing is wrong\n"));
}

#[test]
fn a_process_in_the_foreground_gives_its_streams_and_its_exit_code() {
    let Some(machine) = Machine::new("foreground") else {
        return;
    };
    let said = machine.run(&["run", "--rm", "base:1", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!((said.out.as_str(), said.code), ("out\n", 3), "{said:?}");
    assert!(said.err.ends_with("err\n"), "{said:?}");
    let said = machine.piped("from a pipe", &["run", "--rm", "-i", "base:1", "cat"]);
    assert_eq!((said.out.as_str(), said.code), ("from a pipe", 0), "{said:?}");
    assert_eq!(
        machine
            .run(&["run", "--rm", "base:1", "sh", "-c", "kill -9 $$; sleep 1"])
            .code,
        0
    );
    let said = machine.run(&["run", "--rm", "base:1", "nope"]);
    assert_eq!(said.code, 127, "{said:?}");
    assert!(said.err.contains("executable file not found in $PATH"), "{said:?}");
    assert_eq!(machine.run(&["run", "--rm", "base:1", "/etc/passwd"]).code, 126);
    let said = machine.run(&["run", "--rm", "-u", "nobody", "base:1", "true"]);
    assert_eq!(said.code, 125);
    assert!(said.err.contains("unable to find user nobody"), "{said:?}");
    assert_eq!(machine.ok(&["ps", "-aq"]), "", "all are gone");
}

#[test]
fn a_root_may_be_named_from_where_one_is() {
    let Some(machine) = Machine::new("relative") else {
        return;
    };
    let said = machine.run(&["run", "--rm", "--root", "./root", "base:1", "echo", "hello"]);
    assert_eq!((said.out.as_str(), said.code), ("hello\n", 0), "{said:?}");
}

#[test]
fn the_whole_life_of_a_container() {
    let Some(machine) = Machine::new("life") else { return };
    let script = "trap 'echo bye; exit 7' TERM; echo up; echo oops >&2; while :; do sleep 0.1; done";
    let id = machine.ok(&["run", "-d", "--name", "web", "base:1", "sh", "-c", script]);
    assert_eq!(id.trim().len(), 64);
    assert!(machine.status("web").starts_with("Up "), "{}", machine.status("web"));
    machine.until("it is up", |machine| machine.run(&["logs", "web"]).out == "up\n");
    assert_eq!(machine.run(&["logs", "web"]).err, "oops\n");
    assert_eq!(
        machine.ok(&["exec", "web", "sh", "-c", "echo in > /srv/made; echo done"]),
        "done\n"
    );
    assert_eq!(machine.run(&["exec", "web", "sh", "-c", "exit 5"]).code, 5);
    assert_eq!(machine.run(&["exec", "web", "nope"]).code, 127);
    assert_eq!(machine.piped("x", &["exec", "-i", "web", "cat"]).out, "x");
    assert_eq!(
        machine.ok(&[
            "exec",
            "-u",
            "web",
            "-e",
            "B=2",
            "-w",
            "/srv",
            "web",
            "sh",
            "-c",
            "id -u; echo $B; pwd"
        ]),
        "33\n2\n/srv\n"
    );
    let top = machine.ok(&["top", "web"]);
    assert!(top.lines().count() >= 2 && top.contains("sh -c trap"), "{top}");
    assert_eq!(machine.ok(&["diff", "web"]), "C /srv\nA /srv/made\n");
    machine.ok(&["pause", "web"]);
    assert!(
        machine.status("web").ends_with("(Paused)\n"),
        "{}",
        machine.status("web")
    );
    assert_eq!(machine.run(&["exec", "web", "true"]).code, 1);
    machine.ok(&["unpause", "web"]);
    assert_eq!(machine.ok(&["stop", "web"]), "web\n");
    assert!(
        machine.status("web").starts_with("Exited (7)"),
        "{}",
        machine.status("web")
    );
    assert_eq!(machine.ok(&["logs", "--tail", "1", "web"]), "bye\n");
    assert_eq!(machine.ok(&["wait", "web"]), "7\n");
    // What was written is still there.
    machine.ok(&["start", "web"]);
    assert_eq!(machine.ok(&["exec", "web", "cat", "/srv/made"]), "in\n");
    machine.ok(&["rename", "web", "www"]);
    assert_eq!(machine.run(&["rm", "www"]).code, 1, "it runs");
    machine.ok(&["kill", "www"]);
    assert!(
        machine.status("www").starts_with("Exited (137)"),
        "{}",
        machine.status("www")
    );
    machine.ok(&["rm", "www"]);
    assert_eq!(machine.ok(&["ps", "-aq"]), "");
    assert_eq!(
        fs::read_dir(machine.folder.join("root/containers")).unwrap().count(),
        0,
        "its folder is gone"
    );
}

#[test]
fn a_container_becomes_an_image_and_an_archive() {
    let Some(machine) = Machine::new("commit") else { return };
    machine.ok(&[
        "run",
        "--name",
        "made",
        "base:1",
        "sh",
        "-c",
        "echo new > /srv/new; rm /srv/data/seed",
    ]);
    let id = machine.ok(&["commit", "-c", "CMD [\"cat\", \"/srv/new\"]", "made", "new:1"]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(machine.ok(&["image", "inspect", "--format", "{{.Id}}", "new:1"]), id);
    assert_eq!(machine.ok(&["run", "--rm", "new:1"]), "new\n");
    assert_eq!(machine.ok(&["run", "--rm", "new:1", "ls", "/srv/data"]), "");
    let tar = machine.folder.join("made.tar");
    machine.ok(&["export", "-o", tar.to_str().unwrap(), "made"]);
    let listed = Command::new("tar").arg("-tf").arg(&tar).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("srv/new") && !listed.contains("srv/data/seed"),
        "{listed}"
    );
}

#[test]
fn mounts_are_the_machines_own_files_and_volumes_outlive_containers() {
    let Some(machine) = Machine::new("mounts") else { return };
    let shared = machine.folder.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("a"), "host\n").unwrap();
    let bind = format!("{}:/mnt", shared.display());
    machine.ok(&["run", "--rm", "-v", &bind, "base:1", "sh", "-c", "cat /mnt/a > /mnt/b"]);
    assert_eq!(fs::read_to_string(shared.join("b")).unwrap(), "host\n");
    let said = machine.run(&["run", "--rm", "-v", &format!("{bind}:ro"), "base:1", "touch", "/mnt/c"]);
    assert_eq!(said.code, 1, "{said:?}");
    // A new volume gets what the image has there, and keeps what is written.
    machine.ok(&[
        "run",
        "--rm",
        "-v",
        "data:/srv/data",
        "base:1",
        "sh",
        "-c",
        "cat /srv/data/seed > /srv/data/kept",
    ]);
    assert_eq!(
        machine.ok(&["run", "--rm", "-v", "data:/d", "base:1", "cat", "/d/kept"]),
        "seed\n"
    );
    assert_eq!(machine.ok(&["volume", "ls", "-q"]), "data\n");
    // One without a name goes with its container.
    machine.ok(&["run", "--rm", "-v", "/cache", "base:1", "true"]);
    assert_eq!(machine.ok(&["volume", "ls", "-q"]), "data\n");
    machine.ok(&["volume", "rm", "data"]);
    assert!(!machine.folder.join("root/volumes/data").exists());
}

#[test]
fn a_published_port_leads_into_the_container() {
    let Some(machine) = Machine::new("ports") else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let publish = format!("127.0.0.1:{port}:7000");
    let script = "while :; do echo hello | nc -l -p 7000; done";
    let said = machine.run(&[
        "run", "-d", "--name", "web", "-p", &publish, "base:1", "sh", "-c", script,
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(machine.ok(&["port", "web"]), format!("7000/tcp -> 127.0.0.1:{port}\n"));
    machine.until("it answers", |_| {
        let mut answer = String::new();
        let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| stream.read_to_string(&mut answer));
        asked.is_ok() && answer == "hello\n"
    });
    let said = machine.run(&["run", "-d", "-p", &publish, "base:1", "true"]);
    assert_eq!(said.code, 125);
    assert!(said.err.contains("port is already allocated"), "{said:?}");
}

#[test]
fn what_fails_is_started_again_as_its_policy_says() {
    let Some(machine) = Machine::new("restart") else { return };
    machine.ok(&[
        "run",
        "-d",
        "--name",
        "thrice",
        "--restart",
        "on-failure:2",
        "base:1",
        "sh",
        "-c",
        "echo go; exit 4",
    ]);
    machine.until("it is given up", |machine| {
        machine.status("thrice").starts_with("Exited (4)")
    });
    assert_eq!(machine.inspect("thrice", "{{.RestartCount}}"), "2");
    assert_eq!(machine.ok(&["logs", "thrice"]), "go\ngo\ngo\n");
    machine.ok(&[
        "run",
        "-d",
        "--name",
        "always",
        "--restart",
        "always",
        "base:1",
        "sh",
        "-c",
        "exit 0",
    ]);
    machine.until("it is started again", |machine| {
        machine.inspect("always", "{{.RestartCount}}") != "0"
    });
    machine.ok(&["stop", "always"]);
    assert!(
        machine.status("always").starts_with("Exited (0)"),
        "{}",
        machine.status("always")
    );
}

#[test]
fn a_health_check_says_how_a_container_is() {
    let Some(machine) = Machine::new("health") else { return };
    let mut words = vec![
        "run",
        "-d",
        "--name",
        "web",
        "--health-cmd",
        "cat /tmp/well",
        "--health-interval",
        "200ms",
    ];
    words.extend(["--health-retries", "1", "base:1", "sleep", "600"]);
    machine.ok(&words);
    machine.until("it is unwell", |machine| machine.status("web").contains("(unhealthy)"));
    machine.ok(&["exec", "web", "touch", "/tmp/well"]);
    machine.until("it is well", |machine| machine.status("web").contains("(healthy)"));
    machine.ok(&["kill", "web"]);
}

#[test]
fn a_log_is_followed_to_its_end_and_keeps_to_its_size() {
    let Some(machine) = Machine::new("logs") else { return };
    let script = "i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done; sleep 0.3; echo last";
    machine.ok(&["run", "-d", "--name", "talks", "base:1", "sh", "-c", script]);
    let followed = machine.ok(&["logs", "-f", "--tail", "1", "talks"]);
    assert!(followed.ends_with("last\n"), "{followed}");
    let stamped = machine.ok(&["logs", "-t", "--tail", "1", "talks"]);
    assert!(stamped.starts_with("20") && stamped.ends_with("Z last\n"), "{stamped}");
    machine.ok(&[
        "run",
        "--name",
        "small",
        "--log-opt",
        "max-size=1k",
        "--log-opt",
        "max-file=2",
        "base:1",
        "sh",
        "-c",
        script,
    ]);
    let kept = machine.ok(&["logs", "small"]);
    assert!(kept.lines().count() < 51 && kept.ends_with("last\n"), "{kept}");
}

#[test]
fn a_killed_keeper_takes_its_container_with_it() {
    let Some(machine) = Machine::new("keeper") else { return };
    machine.ok(&["run", "-d", "--name", "web", "base:1", "sleep", "600"]);
    let pid = machine.inspect("web", "{{.State.Pid}}");
    let id = machine.inspect("web", "{{.Id}}");
    let status = fs::read_to_string(machine.folder.join(format!("root/containers/{id}/status.json"))).unwrap();
    let keeper = status
        .split("\"keeper\":{\"pid\":")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    assert!(Command::new("kill").args(["-9", &keeper]).status().unwrap().success());
    machine.until("its process is gone", |_| {
        !Path::new(&format!("/proc/{pid}/root/bin")).exists()
    });
    assert!(
        machine.status("web").starts_with("Exited (137)"),
        "{}",
        machine.status("web")
    );
    assert_eq!(machine.run(&["exec", "web", "true"]).code, 1);
    machine.ok(&["start", "web"]);
    assert!(machine.status("web").starts_with("Up "));
}

#[test]
fn eight_containers_run_at_once() {
    let Some(machine) = Machine::new("eight") else { return };
    thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|number| {
                let machine = &machine;
                scope.spawn(move || {
                    machine.ok(&[
                        "run",
                        "--name",
                        &format!("n{number}"),
                        "base:1",
                        "sh",
                        "-c",
                        &format!("echo {number}"),
                    ])
                })
            })
            .collect();
        for (number, run) in runs.into_iter().enumerate() {
            assert_eq!(run.join().unwrap(), format!("{number}\n"));
        }
    });
    assert_eq!(machine.ok(&["ps", "-aq", "--filter", "exited=0"]).lines().count(), 8);
    machine.ok(&["container", "prune", "-f"]);
    assert_eq!(machine.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_terminal_is_the_processs_own_and_keys_let_go_of_it() {
    let Some(machine) = Machine::new("terminal") else {
        return;
    };
    let said = machine.typed(&format!("{PROGRAM} run --rm -it base:1 sh"), "# ", "tty; exit 9\n");
    assert!(said.out.contains("/dev/pts/"), "{said:?}");
    assert_eq!(said.code, 9, "{said:?}");
    let said = machine.typed(
        &format!("{PROGRAM} run -it --name kept base:1 sh"),
        "# ",
        "\u{10}\u{11}",
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        machine.status("kept").starts_with("Up "),
        "it goes on: {}",
        machine.status("kept")
    );
    let said = machine.typed(&format!("{PROGRAM} exec -it kept sh"), "# ", "stty size; exit 4\n");
    assert!(said.out.contains("24 80") || said.out.contains("0 0"), "{said:?}");
    assert_eq!(said.code, 4, "{said:?}");
    let said = machine.run(&["run", "-it", "base:1", "sh"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("the input device is not a TTY"), "{said:?}");
}
