//! What can be done with a sandbox while it runs.

use crate::support::{World, output, pipe, run, start, until};
use sandbox::{Exec, How, Running, Stdio, User, exec_in, pause, processes, unpause};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Command;
use std::time::Duration;

crate::tests![
    another_process_runs_beside_the_first,
    cve_2024_21626_what_runs_beside_cannot_leave_by_its_working_directory,
    what_runs_beside_ends_with_the_sandbox,
    a_sandbox_ends_when_its_caller_is_killed,
    a_sandbox_ends_when_its_helper_is_killed,
    a_sandbox_can_outlive_its_caller,
    a_sandbox_that_has_ended_takes_no_more_processes,
    a_terminal_is_the_sandboxs_own,
    a_first_process_passes_signals_on_and_waits_for_orphans,
    input_goes_to_the_process,
    processes_are_listed_with_both_numbers,
    a_sandbox_with_a_group_is_paused_and_goes_on,
    a_paused_sandbox_can_be_killed,
    a_sandbox_without_a_group_is_paused_too,
    memory_is_limited,
    processes_are_limited,
    open_files_are_limited,
    groups_are_removed_with_the_sandbox,
    groups_lie_below_the_parent_that_is_named,
    a_parent_that_leads_elsewhere_is_refused,
    waiting_has_an_end,
    a_group_is_removed_when_the_child_is_dropped,
];

fn exec(argv: &[&str]) -> Exec {
    Exec {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: vec![("PATH".to_owned(), "/bin".to_owned())],
        cwd: "/".to_owned(),
        user: User::default(),
        rights: None,
        terminal: None,
        outlives_caller: false,
    }
}

pub(crate) fn beside(running: &Running, argv: &[&str]) -> String {
    let (mut reader, writer) = pipe();
    let stdio = Stdio {
        stdin: None,
        stdout: Some(writer.try_clone().unwrap()),
        stderr: Some(writer),
    };
    let child = exec_in(running, &exec(argv), stdio).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().how, How::Exited(0), "{text}");
    text
}

fn another_process_runs_beside_the_first() {
    let world = World::new();
    let (child, _reader) = start(&world.shell("echo here > /tmp/a; while :; do sleep 100; done")).unwrap();
    until(|| world.path("upper/tmp/a").exists());
    let text = beside(
        &child.running,
        &[
            "sh",
            "-c",
            "cat /tmp/a; hostname; cat /proc/1/comm; id -u; ls /dev/null",
        ],
    );
    assert_eq!(text, "here\nsandbox\nsh\n0\n/dev/null\n");
    // Same rights, same filter.
    let rights = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status";
    assert_eq!(beside(&child.running, &["sh", "-c", rights]), world_rights(rights));
    child.kill(9).unwrap();
    child.wait().unwrap();
}

fn world_rights(script: &str) -> String {
    World::new().output(script)
}

fn cve_2024_21626_what_runs_beside_cannot_leave_by_its_working_directory() {
    let world = World::new();
    let (child, _reader) = start(&world.shell("sleep 1000")).unwrap();
    for cwd in [
        "/proc/self/fd/3",
        "/proc/self/fd/7",
        "/proc/1/root",
        "/proc/self/cwd",
        "/none",
    ] {
        let exec = Exec {
            cwd: cwd.to_owned(),
            ..exec(&["pwd"])
        };
        assert!(exec_in(&child.running, &exec, Stdio::default()).is_err(), "{cwd}");
    }
    assert_eq!(beside(&child.running, &["ls", "/proc/self/fd"]), "0\n1\n2\n3\n");
    child.kill(9).unwrap();
    child.wait().unwrap();
}

/// First argument of a program that is to start a sandbox and never waits for it.
const CALLER: &str = "--caller-probe";

/// Does what [`caller`] started it for, if it did.
pub(crate) fn probe() {
    let words: Vec<String> = std::env::args().collect();
    let [_, word, folder, outlives] = words.as_slice() else {
        return;
    };
    if word != CALLER {
        return;
    }
    let world = World::existing(std::path::Path::new(folder));
    let mut spec = world.shell("while :; do sleep 100; done");
    spec.outlives_caller = outlives == "true";
    let child = sandbox::spawn(&spec, Stdio::default()).unwrap();
    crate::harness::say(&format!("{}\n", child.pid()));
    // Until it is killed.
    let _ = child.wait();
}

/// Kills a program right after its sandbox has started; the number of the sandbox's process.
fn caller_is_killed(world: &World, outlives: bool) -> u32 {
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args([CALLER, world.folder.to_str().unwrap(), &outlives.to_string()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    line.trim().parse().unwrap()
}

fn a_sandbox_ends_when_its_caller_is_killed() {
    let world = World::new();
    let pid = caller_is_killed(&world, false);
    until(|| !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

fn a_sandbox_ends_when_its_helper_is_killed() {
    let world = World::new();
    let mut spec = world.shell("sleep 1000");
    spec.cgroup = Some(format!("sandbox-lost-{}", std::process::id()));
    let (child, mut reader) = start(&spec).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
    let helper = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let helper = rustix::process::Pid::from_raw(helper).unwrap();
    let group = child.running.cgroup.clone();
    rustix::process::kill_process(helper, rustix::process::Signal::KILL).unwrap();
    // Its end of the pipe closes when it has ended.
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    assert!(matches!(child.wait(), Err(sandbox::SandboxError::Lost)));
    assert!(group.iter().all(|directory| !directory.exists()), "{group:?}");
}

fn a_sandbox_can_outlive_its_caller() {
    let world = World::new();
    let pid = caller_is_killed(&world, true);
    let process = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    let pidfd = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()).unwrap();
    for _ in 0..100 {
        rustix::process::test_kill_process(process).unwrap();
    }
    rustix::process::pidfd_send_signal(&pidfd, rustix::process::Signal::KILL).unwrap();
    until(|| !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

fn what_runs_beside_ends_with_the_sandbox() {
    let world = World::new();
    let (child, _reader) = start(&world.shell("sleep 1000")).unwrap();
    let other = exec_in(&child.running, &exec(&["sleep", "1000"]), Stdio::default()).unwrap();
    child.kill(9).unwrap();
    child.wait().unwrap();
    assert_eq!(other.wait().unwrap().how, How::Killed(9));
}

fn a_sandbox_that_has_ended_takes_no_more_processes() {
    let world = World::new();
    let (child, _reader) = start(&world.shell("sleep 1000")).unwrap();
    let running = child.running.clone();
    let mut reused = running.clone();
    reused.started += 1;
    assert!(
        exec_in(&reused, &exec(&["true"]), Stdio::default()).is_err(),
        "a number that another process has"
    );
    child.kill(9).unwrap();
    child.wait().unwrap();
    assert!(exec_in(&running, &exec(&["true"]), Stdio::default()).is_err());
}

fn a_terminal_is_the_sandboxs_own() {
    let world = World::new();
    let mut spec =
        world.shell("tty; stty size; test -t 1 && echo terminal; readlink /proc/self/fd/0; test -c /dev/console");
    spec.terminal = Some((100, 30));
    let mut child = sandbox::spawn(&spec, Stdio::default()).unwrap();
    let mut terminal = std::fs::File::from(child.terminal.take().unwrap());
    let mut bytes = Vec::new();
    // A terminal whose other end has gone says so by an error.
    let _ = terminal.read_to_end(&mut bytes);
    let ended = child.wait().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text, "/dev/pts/0\r\n30 100\r\nterminal\r\n/dev/pts/0\r\n");
    assert_eq!(ended.how, How::Exited(0));
}

fn a_first_process_passes_signals_on_and_waits_for_orphans() {
    let world = World::new();
    let mut spec = world.shell("trap 'echo got it; exit 5' TERM; echo $$; (sleep 0 & ); while :; do sleep 0.01; done");
    spec.init = true;
    let (child, mut reader) = start(&spec).unwrap();
    let mut first = [0; 2];
    reader.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"2\n", "the program is the second process");
    child.kill(15).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "got it\n");
    assert_eq!(child.wait().unwrap().how, How::Exited(5));
    spec.argv = vec!["none".to_owned()];
    assert_eq!(sandbox::spawn(&spec, Stdio::default()).unwrap_err().exit_code(), 127);
}

fn input_goes_to_the_process() {
    let world = World::new();
    let (input, mut writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map(|(reader, writer)| (reader, std::fs::File::from(writer)))
        .unwrap();
    let (mut reader, output) = pipe();
    let stdio = Stdio {
        stdin: Some(input),
        stdout: Some(output),
        stderr: None,
    };
    let child = sandbox::spawn(&world.shell("cat; cat /dev/stdin"), stdio).unwrap();
    writer.write_all(b"through").unwrap();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through");
    child.wait().unwrap();
}

fn processes_are_listed_with_both_numbers() {
    let world = World::new();
    let (child, mut reader) = start(&world.shell("sleep 1000 & echo up; wait")).unwrap();
    reader.read_exact(&mut [0; 3]).unwrap();
    let found = until_some(|| {
        Some(processes(&child.running).unwrap()).filter(|all| all.iter().any(|one| one.argv[0] == "sleep"))
    });
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].pid, found[0].pid_inside), (child.pid(), 1));
    assert_eq!((found[1].parent, found[1].pid_inside), (child.pid(), 2));
    assert_eq!(found[1].argv, ["sleep", "1000"]);
    child.kill(9).unwrap();
    child.wait().unwrap();
}

fn until_some<T>(mut find: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    until(|| {
        found = find();
        found.is_some()
    });
    found.unwrap()
}

/// A script that counts into a file; whether the count grows is asked before, during and after a pause.
fn pauses(cgroup: Option<&str>) {
    let world = World::new();
    let mut spec = world.shell("i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done");
    spec.cgroup = cgroup.map(str::to_owned);
    let (child, _reader) = start(&spec).unwrap();
    let count = || {
        world
            .path("upper/tmp/count")
            .exists()
            .then(|| world.read("upper/tmp/count"))
    };
    let grows = || {
        let before = count();
        until(|| count() != before);
    };
    grows();
    pause(&child.running).unwrap();
    let paused = count();
    for _ in 0..1000 {
        assert_eq!(count(), paused);
    }
    unpause(&child.running).unwrap();
    grows();
    child.kill(9).unwrap();
    child.wait().unwrap();
}

fn a_sandbox_with_a_group_is_paused_and_goes_on() {
    pauses(Some(&format!("sandbox-test-{}", std::process::id())));
}

fn a_paused_sandbox_can_be_killed() {
    let world = World::new();
    let mut spec = world.shell("sleep 1000");
    spec.cgroup = Some(format!("sandbox-paused-{}", std::process::id()));
    for killed in [true, false] {
        let (child, mut reader) = start(&spec).unwrap();
        pause(&child.running).unwrap();
        if killed {
            child.kill(9).unwrap();
            assert_eq!(child.wait().unwrap().how, How::Killed(9));
        } else {
            drop(child);
        }
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
    // As on a machine with version 1 alone.
    let (mut child, _reader) = start(&spec).unwrap();
    child
        .running
        .cgroup
        .retain(|directory| directory.join("freezer.state").exists());
    if !child.running.cgroup.is_empty() {
        pause(&child.running).unwrap();
    }
    child.kill(9).unwrap();
    assert_eq!(child.wait().unwrap().how, How::Killed(9));
}

fn a_sandbox_without_a_group_is_paused_too() {
    pauses(None);
}

fn memory_is_limited() {
    let world = World::new();
    let mut spec = world.shell("dd if=/dev/zero of=/dev/null bs=64M count=1 2> /dev/null");
    assert_eq!(run(&spec).1.how, How::Exited(0));
    spec.limits.memory = Some(16 << 20);
    assert_eq!(run(&spec).1.exit_code(), 137);
}

fn processes_are_limited() {
    let world = World::new();
    let mut spec = world.shell("for i in 1 2 3 4 5 6 7 8; do sleep 0.1 & done; wait");
    assert_eq!(output(&spec), "");
    spec.limits.pids = Some(4);
    let (text, _) = run(&spec);
    assert!(text.contains("can't fork"), "{text}");
}

fn open_files_are_limited() {
    let world = World::new();
    let mut spec = world.shell("ulimit -n; ulimit -Hn");
    spec.limits.ulimits = vec![("nofile".to_owned(), 64, 128)];
    assert_eq!(output(&spec), "64\n128\n");
}

fn groups_are_removed_with_the_sandbox() {
    let world = World::new();
    let mut spec = world.shell("sleep 1000");
    spec.cgroup = Some(format!("sandbox-removed-{}", std::process::id()));
    spec.limits.cpu_millis = Some(500);
    let (child, _reader) = start(&spec).unwrap();
    let group = child.running.cgroup.clone();
    assert!(
        !group.is_empty() && group.iter().all(|directory| directory.exists()),
        "{group:?}"
    );
    let procs = std::fs::read_to_string(group[0].join("cgroup.procs")).unwrap();
    assert_eq!(procs.trim(), child.pid().to_string());
    child.kill(9).unwrap();
    child.wait().unwrap();
    assert!(group.iter().all(|directory| !directory.exists()), "{group:?}");
}

fn groups_lie_below_the_parent_that_is_named() {
    let world = World::new();
    let top = format!("sandbox-parent-{}", std::process::id());
    let mut spec = world.shell("sleep 1000");
    spec.limits.parent = Some(format!("/{top}/inner"));
    let (child, _reader) = start(&spec).unwrap();
    let group = child.running.cgroup.clone();
    child.kill(9).unwrap();
    child.wait().unwrap();
    let parents: Vec<_> = group.iter().filter_map(|directory| directory.parent()).collect();
    let stay = parents.iter().all(|parent| parent.is_dir());
    for parent in &parents {
        std::fs::remove_dir(parent).unwrap();
        std::fs::remove_dir(parent.parent().unwrap()).unwrap();
    }
    assert!(!group.is_empty() && stay, "{group:?}");
    let inside = format!("/{top}/inner/sandbox-");
    for directory in &group {
        assert!(directory.to_str().unwrap().contains(&inside), "{group:?}");
        assert!(!directory.exists(), "{group:?}");
    }
}

fn a_parent_that_leads_elsewhere_is_refused() {
    let world = World::new();
    for parent in ["", "../..", "/a/../../b"] {
        let mut spec = world.shell("true");
        spec.limits.parent = Some(parent.to_owned());
        let said = start(&spec).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            said.contains("expected the path of a control group"),
            "{parent}: {said}"
        );
    }
}

fn waiting_has_an_end() {
    let world = World::new();
    let (mut child, _reader) = start(&world.shell("sleep 1000")).unwrap();
    assert_eq!(child.wait_timeout(Duration::from_millis(1)).unwrap(), None);
    child.kill(9).unwrap();
    let ended = child.wait_timeout(Duration::from_mins(1)).unwrap().unwrap();
    assert_eq!(ended.how, How::Killed(9));
}

fn a_group_is_removed_when_the_child_is_dropped() {
    let world = World::new();
    let mut spec = world.shell("sleep 1000");
    spec.cgroup = Some(format!("sandbox-dropped-{}", std::process::id()));
    let (child, _reader) = start(&spec).unwrap();
    let group = child.running.cgroup.clone();
    assert!(!group.is_empty());
    drop(child);
    assert!(group.iter().all(|directory| !directory.exists()), "{group:?}");
}
