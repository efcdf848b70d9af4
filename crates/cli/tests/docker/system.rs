//! Volumes, networks, and the machine as a whole.

use crate::support::Workstation;

fn with_base() -> Workstation {
    let mut machine = Workstation::new();
    machine.ok("pull -q base:1");
    machine
}

#[test]
fn volumes_are_made_listed_used_and_removed() {
    let mut machine = with_base();
    assert_eq!(machine.ok("volume create data --label a=b"), "data\n");
    assert_eq!(machine.ok("volume create").trim().len(), 64);
    assert_eq!(machine.ok("volume ls -q -f name=data"), "data\n");
    assert_eq!(
        machine.ok("volume ls -f label=a"),
        "DRIVER    VOLUME NAME\nlocal     data\n"
    );
    assert_eq!(
        machine.ok("volume inspect data -f '{{.Driver}} {{.Labels.a}}'"),
        "local b\n"
    );
    machine.ok("run -d --name web -v data:/srv/data base:1");
    let (error, _) = machine.fails("volume rm data");
    assert!(
        error.starts_with("Error response from daemon: remove data: volume is in use - ["),
        "{error}"
    );
    assert_eq!(
        machine.fails("volume rm none").0,
        "Error response from daemon: get none: no such volume\n"
    );
    machine.ok("rm -f web");
    assert_eq!(machine.ok("volume rm data"), "data\n");
    let pruned = machine.ok("volume prune -f");
    assert!(
        pruned.starts_with("Deleted Volumes:\n") && pruned.ends_with("Total reclaimed space: 0B\n"),
        "{pruned}"
    );
}

#[test]
fn three_networks_are_there() {
    let mut machine = with_base();
    let names = machine.ok("network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'");
    assert_eq!(names, "bridge bridge local\nhost host local\nnone null local\n");
    machine.ok("run -d --name web base:1");
    assert_eq!(
        machine.ok("network inspect bridge -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}'"),
        "web 172.17.0.2/16\n"
    );
    let id = machine.ok("network ls --no-trunc -q -f name=bridge");
    assert_eq!(
        machine.ok("inspect web -f '{{.NetworkSettings.Networks.bridge.NetworkID}}'"),
        id
    );
    assert_eq!(
        machine.fails("network inspect x").0,
        "Error response from daemon: network x not found\n"
    );
}

#[test]
fn disk_usage_is_counted() {
    let mut machine = with_base();
    machine.ok("run -d --name web base:1");
    machine.ok("run --name old base:1 sh -c 'write /x 12345'");
    assert_eq!(
        machine.ok("system df"),
        "\
TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE
Images          1         1         38B       0B (0%)
Containers      2         1         5B        5B (100%)
Local Volumes   0         0         0B        0B
Build Cache     0         0         0B        0B
"
    );
    let all = machine.ok("system df -v");
    assert!(
        all.starts_with("Images space usage:\n\nREPOSITORY   TAG       IMAGE ID"),
        "{all}"
    );
    assert!(
        all.contains("\nContainers space usage:\n\nCONTAINER ID   IMAGE     COMMAND"),
        "{all}"
    );
    assert!(
        all.contains("\nBuild cache usage: 0B\n\nCACHE ID   CACHE TYPE"),
        "{all}"
    );
    assert!(
        machine
            .ok("system df --format json")
            .starts_with("{\"Active\":\"1\",\"Reclaimable\":\"0B (0%)\"")
    );
}

#[test]
fn everything_unused_goes() {
    let mut machine = with_base();
    machine.ok("run --name old base:1 sh -c 'write /x 12345'");
    let said = machine.at_terminal("system prune -a --volumes", &[]);
    assert_eq!(
        said.out,
        "\
WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
  - all anonymous volumes not used by at least one container
  - all images without at least one container associated to them
  - all build cache

"
    );
    let said = machine.at_terminal("system prune -a --volumes", &["y"]);
    assert!(said.out.starts_with("Deleted Containers:\n"), "{}", said.out);
    assert!(said.out.contains("\n\nDeleted Images:\nuntagged: base"), "{}", said.out);
    assert!(said.out.ends_with("\n\nTotal reclaimed space: 43B\n"), "{}", said.out);
    assert!(
        machine
            .docker("system prune --filter label=a")
            .out
            .contains("  Items to be pruned will be filtered with:\n  - label=a\n")
    );
}

#[test]
fn the_machine_says_what_it_is() {
    let mut machine = with_base();
    assert_eq!(machine.ok("version --format '{{.Server.Version}}'"), "28.2.2\n");
    assert!(machine.ok("version").contains("Layerlab (a simulated daemon)"));
    assert_eq!(machine.ok("info -f '{{.Name}} {{.Images}}'"), "workstation 1\n");
    assert!(
        machine
            .ok("info")
            .contains(" Insecure Registries:\n  reg.example:5000\n  ::1/128\n  127.0.0.0/8\n")
    );
}

#[test]
fn words_that_are_no_command_change_nothing() {
    let mut machine = with_base();
    let before = machine.daemon.clone();
    let said = machine.docker("imges");
    assert_eq!(said.code(), 1);
    assert!(said.err.contains("Did you mean this?\n\timages\n"), "{}", said.err);
    assert_eq!(machine.docker("run --nonsense base:1").code(), 125);
    assert_eq!(machine.daemon, before);
}
