//! Starting, ending, and what comes back.

use crate::support::{World, output, run, start};
use sandbox::{How, SandboxError, Stdio, spawn};
use std::io::Read as _;

crate::tests![
    a_program_writes_and_ends,
    an_exit_code_and_a_signal_come_back,
    what_is_written_lies_in_the_upper_directory,
    a_program_that_is_not_there_is_told_from_one_that_may_not_run,
    a_process_is_the_first_of_its_own,
    daemons_end_with_the_first_process,
    a_process_ends_when_its_child_is_dropped,
    many_at_once_leave_nothing_behind,
    much_is_written_and_long_variables_are_read,
];

fn a_program_writes_and_ends() {
    let world = World::new();
    assert_eq!(world.output("echo hello; hostname"), "hello\nsandbox\n");
}

fn an_exit_code_and_a_signal_come_back() {
    let world = World::new();
    let (_, ended) = run(&world.shell("exit 7"));
    assert_eq!((ended.how, ended.exit_code()), (How::Exited(7), 7));
    assert!(ended.usage.max_resident > 0);
    let (child, _reader) = start(&world.shell("sleep 100")).unwrap();
    child.kill(9).unwrap();
    let ended = child.wait().unwrap();
    assert_eq!((ended.how, ended.exit_code()), (How::Killed(9), 137));
}

fn what_is_written_lies_in_the_upper_directory() {
    let world = World::new();
    world.output("echo 1 > /tmp/a; rm /etc/group");
    assert_eq!(world.read("upper/tmp/a"), "1\n");
    assert_eq!(world.read("lower/etc/group"), "root:x:0:\n");
}

fn a_program_that_is_not_there_is_told_from_one_that_may_not_run() {
    let world = World::new();
    world.write("lower/bin/text", "no program\n");
    let fails = |argv: &[&str]| {
        let error = spawn(&world.spec(argv), Stdio::default()).unwrap_err();
        (error.to_string(), error.exit_code())
    };
    let not_found = "exec: \"foo\": executable file not found in $PATH";
    assert_eq!(fails(&["foo"]), (not_found.to_owned(), 127));
    assert_eq!(
        fails(&["/foo"]),
        ("exec: \"/foo\": no such file or directory".to_owned(), 127)
    );
    assert_eq!(
        fails(&["/etc/passwd"]),
        ("exec: \"/etc/passwd\": permission denied".to_owned(), 126)
    );
    assert_eq!(fails(&["text"]), ("exec: \"text\": permission denied".to_owned(), 126));
    let mut spec = world.spec(&["true"]);
    spec.root = sandbox::Root::Directory(world.path("none"));
    let error = spawn(&spec, Stdio::default()).unwrap_err();
    assert!(
        matches!(&error, SandboxError::System { doing, .. } if doing.starts_with("open")),
        "{error}"
    );
}

fn a_process_is_the_first_of_its_own() {
    let world = World::new();
    let text = world.output("echo $$; ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm; true");
    // The shell, `ls`, and `wc` beside it.
    assert!(text.starts_with("1\n"), "{text}");
    assert!(text.ends_with("sh\n"), "{text}");
}

fn daemons_end_with_the_first_process() {
    let world = World::new();
    // The daemon keeps the pipe open: reading to its end returns only when it has died.
    assert_eq!(output(&world.shell("(sleep 1000 &) ; echo done")), "done\n");
}

fn many_at_once_leave_nothing_behind() {
    let left = || {
        let n_descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
        let n_mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
        (n_descriptors, n_mounts)
    };
    // The descriptor of our own program stays from the first on.
    World::new().output("true");
    let before = left();
    let threads: Vec<_> = (0..4)
        .map(|number| {
            std::thread::spawn(move || {
                let world = World::new();
                for _ in 0..5 {
                    assert_eq!(world.output(&format!("echo {number}")), format!("{number}\n"));
                    assert!(spawn(&world.spec(&["none"]), Stdio::default()).is_err());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(left(), before);
    let children = std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id()));
    assert!(
        children.is_err() || children.unwrap().is_empty(),
        "all helpers were waited for"
    );
}

fn much_is_written_and_long_variables_are_read() {
    let world = World::new();
    let mut spec = world.shell("dd if=/dev/zero bs=1M count=64 2> /dev/null; printf %s $LONG | wc -c");
    let long = "x".repeat(100_000);
    spec.env.push(("LONG".to_owned(), long.clone()));
    spec.env
        .extend((0..10).map(|number| (format!("MORE_{number}"), long.clone())));
    let text = output(&spec);
    assert_eq!((text.len(), &text[64 << 20..]), ((64 << 20) + 7, "100000\n"));
    // More than the kernel takes is an error, not a hang.
    spec.env.push(("TOO_LONG".to_owned(), "x".repeat(1 << 20)));
    let error = spawn(&spec, Stdio::default()).unwrap_err();
    assert_eq!(error.to_string(), "exec \"sh\": argument list too long");
}

fn a_process_ends_when_its_child_is_dropped() {
    let world = World::new();
    let (child, mut reader) = start(&world.shell("echo up; sleep 1000")).unwrap();
    let mut text = [0; 3];
    reader.read_exact(&mut text).unwrap();
    drop(child);
    // Its end of the pipe closes when it has ended.
    assert_eq!(reader.read(&mut text).unwrap(), 0);
}
