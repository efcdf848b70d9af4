//! The course's commands, in its order and as it writes them.

use crate::support::Workstation;

#[test]
fn the_commands_of_the_course_work_as_written() {
    let mut machine = Workstation::new();
    machine.file(
        "/home/me/Dockerfile",
        "FROM base:1\nCOPY index.html ./\nEXPOSE 80\nCMD [\"last\"]\n",
    );
    machine.file("/home/me/index.html", "hello\n");
    machine.ok("image pull base:1");
    assert_eq!(machine.ok("image history base:1").lines().count(), 3);
    machine.ok("build -t custom-nginx .");
    assert!(machine.ok("image ls").contains("custom-nginx   latest"));
    // Images that steps of the build made.
    let (all, named) = (machine.ok("image ls -a"), machine.ok("image ls"));
    assert!(all.lines().count() > named.lines().count(), "{all}");
    let id = machine.ok("image ls -q custom-nginx");
    let shown = machine.ok("image inspect custom-nginx --format '{{.Id}} {{.Os}}'");
    assert!(
        shown.starts_with(&format!("sha256:{}", id.trim())) && shown.ends_with(" linux\n"),
        "{shown}"
    );
    // Flattening.
    machine.ok("run -d --name flat_container custom-nginx");
    let tar = machine.docker("export flat_container");
    assert!(
        machine
            .piped(&tar.bytes, "import - flat:latest")
            .out
            .starts_with("sha256:")
    );
    assert_eq!(machine.ok("image history flat:latest").lines().count(), 2);
    // In use: only its name goes.
    let text = machine.ok("image rm -f custom-nginx");
    assert_eq!(text, "Untagged: custom-nginx:latest\n");
    assert_eq!(machine.ok("image ls --filter dangling=true -q").lines().count(), 1);
    machine.ok("rm -f flat_container");
    assert!(machine.piped(b"y\n", "image prune").out.contains("Deleted Images:\n"));
    machine.ok("rmi flat");
    // A registry.
    machine.ok("tag base:1 registry:2");
    let id = machine.ok("run -d -p 5000:5000 --restart=always --name registry -e REGISTRY_LOG_LEVEL=debug registry:2");
    assert_eq!(id.trim().len(), 64);
    assert_eq!(
        machine.ok("inspect registry -f '{{.HostConfig.RestartPolicy.Name}} {{index .Config.Env 0}}'"),
        "always REGISTRY_LOG_LEVEL=debug\n"
    );
    machine.ok("logs registry");
    let said = machine.docker("run --entrypoint htpasswd registry:2 -Bbn testuser password");
    assert_eq!(said.code(), 0, "{}", said.err);
    let said = machine.piped(b"password", "login -u testuser --password-stdin reg.example:5000");
    assert_eq!(said.out, "Login Succeeded\n");
    machine.ok("search ubuntu");
    machine.ok("tag base:1 reg.example:5000/ubuntu");
    machine.ok("push reg.example:5000/ubuntu");
    machine.ok("pull reg.example:5000/ubuntu");
}
