//! `cp`: files that go into a container and come out of one.

use super::machine::Machine;
use std::fs;

#[test]
fn files_are_copied_both_ways() {
    let Some(machine) = Machine::new("copy") else { return };
    let here = |name: &str| machine.folder.join(name).display().to_string();
    fs::write(machine.folder.join("in"), "from here\n").unwrap();
    for (name, argv) in [("stopped", "true"), ("running", "sleep 600")] {
        machine.ok(&["run", "-d", "--name", name, "base:1", "sh", "-c", argv]);
        machine.ok(&["cp", &here("in"), &format!("{name}:/srv/")]);
        machine.ok(&["cp", &format!("{name}:/srv"), &here(name)]);
        assert_eq!(
            fs::read_to_string(machine.folder.join(name).join("in")).unwrap(),
            "from here\n"
        );
        assert_eq!(
            fs::read_to_string(machine.folder.join(name).join("data/seed")).unwrap(),
            "seed\n"
        );
        assert_eq!(machine.run(&["cp", &format!("{name}:/nope"), &here("x")]).code, 1);
    }
    assert_eq!(machine.ok(&["exec", "running", "cat", "/srv/in"]), "from here\n");
    let said = machine.run(&["cp", "running:/srv/data/seed", "-"]);
    assert!(said.out.starts_with("seed\0"), "a tar begins with a name");
}

#[test]
fn cve_2018_15664_a_link_in_a_container_does_not_lead_out_of_it() {
    let Some(machine) = Machine::new("links") else { return };
    let secret = machine.folder.join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("file"), "of the machine\n").unwrap();
    fs::write(machine.folder.join("evil"), "evil\n").unwrap();
    let script = format!(
        "ln -s {0} /out; ln -s {0}/file /outfile; mkdir -p /srv/a; ln -s ../../../../../../..{0} /srv/a/up",
        secret.display()
    );
    for (name, rest) in [("stopped", ""), ("running", "; sleep 600")] {
        machine.ok(&[
            "run",
            "-d",
            "--name",
            name,
            "base:1",
            "sh",
            "-c",
            &format!("{script}{rest}"),
        ]);
        machine.until("it made its links", |machine| {
            machine.run(&["diff", name]).out.contains("/srv/a/up")
        });
        let evil = machine.folder.join("evil").display().to_string();
        for place in ["/out/file", "/out/", "/srv/a/up/file", "/srv/a/up/new"] {
            machine.run(&["cp", &evil, &format!("{name}:{place}")]);
            let got = machine.folder.join("got");
            machine.run(&["cp", "-L", &format!("{name}:{place}"), got.to_str().unwrap()]);
            assert_ne!(
                fs::read_to_string(&got).unwrap_or_default(),
                "of the machine\n",
                "{place}"
            );
            let _ = fs::remove_file(&got);
        }
        machine.run(&["cp", &evil, &format!("{name}:/outfile")]);
        assert_eq!(fs::read_to_string(secret.join("file")).unwrap(), "of the machine\n");
        assert_eq!(fs::read_dir(&secret).unwrap().count(), 1, "nothing was put there");
    }
}
