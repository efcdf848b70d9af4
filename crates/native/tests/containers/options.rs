//! Options of `run`: what they make of a container, and what `inspect` says of them.

use super::machine::Machine;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

#[test]
fn options_reach_the_process() {
    let Some(machine) = Machine::new("options") else { return };
    let run = |words: &[&str], argv: &[&str]| machine.ok(&[&["run", "--rm"], words, &["base:1"], argv].concat());
    assert_eq!(
        run(&["-u", "web"], &["id"]),
        "uid=33(web) gid=33(web) groups=29(audio),33(web)\n"
    );
    assert_eq!(run(&["-u", "5:6"], &["id"]), "uid=5 gid=6 groups=6\n");
    assert_eq!(run(&["-w", "/srv/data"], &["pwd"]), "/srv/data\n");
    assert_eq!(run(&["-e", "A=1 2"], &["sh", "-c", "echo $A $HOME"]), "1 2 /root\n");
    assert_eq!(run(&["--hostname", "box"], &["cat", "/etc/hostname"]), "box\n");
    assert_eq!(run(&["--entrypoint", "cat"], &["/srv/data/seed"]), "seed\n");
    assert!(run(&["--add-host", "db:10.0.0.2"], &["cat", "/etc/hosts"]).contains("10.0.0.2\tdb\n"));
    assert!(run(&["--dns", "9.9.9.9"], &["cat", "/etc/resolv.conf"]).contains("nameserver 9.9.9.9\n"));
    let said = machine.run(&[
        "run",
        "--rm",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "base:1",
        "sh",
        "-c",
        "touch /tmp/a && touch /b",
    ]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("/b: Read-only file system"), "{said:?}");
    let limited = run(&["--ulimit", "nofile=64:64"], &["sh", "-c", "ulimit -n"]);
    assert_eq!(limited, "64\n");
    let cidfile = machine.folder.join("cid");
    machine.ok(&[
        "run",
        "-d",
        "--cidfile",
        cidfile.to_str().unwrap(),
        "--name",
        "kept",
        "base:1",
        "true",
    ]);
    assert_eq!(fs::read_to_string(cidfile).unwrap(), machine.inspect("kept", "{{.Id}}"));
}

#[test]
fn a_container_lies_below_the_control_group_that_is_named() {
    let Some(machine) = Machine::new("parent") else { return };
    let parent = format!("layerlab-test-{}", std::process::id());
    let named = format!("/{parent}");
    let run = [
        "run",
        "-d",
        "--name",
        "below",
        "--cgroup-parent",
        &named,
        "base:1",
        "sleep",
        "1000",
    ];
    machine.ok(&run);
    let pid = machine.inspect("below", "{{.State.Pid}}");
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert_eq!(machine.inspect("below", "{{.HostConfig.CgroupParent}}"), named);
    let id = machine.inspect("below", "{{.Id}}");
    machine.ok(&["rm", "-f", "below"]);
    // The parent belongs to whoever named it, and stays. The container's own group goes a moment after its last process.
    let mut found = String::new();
    for _ in 0..500 {
        let mut find = Command::new("find");
        find.args(["/sys/fs/cgroup", "-name", &parent, "-print", "-delete"]);
        let output = find.output().unwrap();
        found.push_str(&String::from_utf8_lossy(&output.stdout));
        if output.status.success() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let left = Command::new("find").args(["/sys/fs/cgroup", "-name", &parent]).output();
    assert!(groups.contains(&format!(":/{parent}/layerlab-{id}\n")), "{groups}");
    assert!(!found.is_empty());
    assert_eq!(String::from_utf8(left.unwrap().stdout).unwrap(), "");
    let said = machine.run(&["run", "--rm", "--cgroup-parent", "../..", "base:1", "true"]);
    assert_eq!(said.code, 125, "{said:?}");
    assert!(said.err.contains("the path of a control group"), "{said:?}");
}

#[test]
fn what_inspect_calls_masked_or_read_only_is() {
    let Some(machine) = Machine::new("guarded") else { return };
    machine.ok(&["run", "-d", "--name", "guarded", "base:1", "sleep", "1000"]);
    let mounts = machine.ok(&["exec", "guarded", "cat", "/proc/mounts"]);
    let mount_of = |path: &str| mounts.lines().find(|line| line.split(' ').nth(1) == Some(path));
    for (field, must_be) in [("MaskedPaths", ""), ("ReadonlyPaths", "ro,")] {
        let listed = machine.inspect("guarded", &format!("{{{{json .HostConfig.{field}}}}}"));
        let paths: Vec<String> = serde_json::from_str(&listed).unwrap();
        assert!(paths.len() >= 5, "{listed}");
        // A kernel without the file has nothing to hide.
        for path in paths.iter().filter(|path| Path::new(path).exists()) {
            let mount = mount_of(path).unwrap_or_else(|| panic!("{path} is no mount:\n{mounts}"));
            assert!(mount.split(' ').nth(3).unwrap().starts_with(must_be), "{mount}");
        }
    }
    assert_eq!(machine.inspect("guarded", "{{.HostConfig.Runtime}}"), "layerlab");
}
