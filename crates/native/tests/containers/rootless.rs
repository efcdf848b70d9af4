//! Containers of a user who is not root.

use super::machine::{Machine, PROGRAM};
use std::fs;
use std::process::Command;

impl Machine {
    /// The same machine for a user who is not root and has no other users to give to containers.
    fn without_root(test: &str) -> Option<Machine> {
        const USER: u32 = 54_321;
        let mut machine = Machine::new(test)?;
        // The program may lie where only root may look.
        fs::copy(PROGRAM, machine.folder.join("layerlab")).unwrap();
        let folder = machine.folder.to_str().unwrap();
        let given = Command::new("chown").args(["-R", &USER.to_string(), folder]).status();
        assert!(given.unwrap().success());
        machine.user = Some(USER);
        Some(machine)
    }
}

#[test]
fn without_root_containers_are_run_joined_copied_and_removed() {
    let Some(machine) = Machine::without_root("rootless") else {
        return;
    };
    let run = ["run", "--network", "host"];
    let run = |words: &[&str]| machine.ok(&[&run[..], words].concat());
    assert_eq!(run(&["--rm", "base:1", "id", "-u"]), "0\n");
    // Of two commands that begin at the same moment each makes the namespace, or joins the other's.
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            scope.spawn(move || run(&["-d", "--name", name, "base:1", "sleep", "1000"]));
        }
    });
    fs::write(machine.folder.join("file"), "from outside\n").unwrap();
    for name in ["one", "two"] {
        machine.ok(&["cp", "file", &format!("{name}:/srv/file")]);
        assert_eq!(machine.ok(&["exec", name, "cat", "/srv/file"]), "from outside\n");
        machine.ok(&["exec", name, "sh", "-c", "echo inside > /srv/made"]);
        machine.ok(&["cp", &format!("{name}:/srv/made"), "back"]);
        assert_eq!(fs::read_to_string(machine.folder.join("back")).unwrap(), "inside\n");
    }
    assert_eq!(machine.ok(&["diff", "one"]), "C /srv\nA /srv/file\nA /srv/made\n");
    machine.ok(&["stop", "-t", "0", "one"]);
    machine.ok(&["start", "one"]);
    assert_eq!(machine.ok(&["exec", "one", "cat", "/srv/made"]), "inside\n");
    machine.ok(&["commit", "one", "made:1"]);
    assert_eq!(
        run(&[
            "--rm",
            "-v",
            "kept:/kept",
            "made:1",
            "sh",
            "-c",
            "cat /srv/made > /kept/it; cat /kept/it"
        ]),
        "inside\n"
    );
    machine.ok(&["rm", "-f", "one", "two"]);
    assert_eq!(machine.ok(&["ps", "-aq"]), "");
    machine.ok(&["volume", "rm", "kept"]);
    machine.ok(&["system", "prune", "-af"]);
    assert_eq!(machine.ok(&["volume", "ls", "-q"]), "");
}
