//! Archives: saved and loaded, exported and imported.

use crate::support::Workstation;

fn with_base() -> Workstation {
    let mut machine = Workstation::new();
    machine.ok("pull -q base:1");
    machine
}

#[test]
fn what_is_saved_can_be_loaded_again() {
    let mut machine = with_base();
    let id = machine.ok("images -q --no-trunc");
    machine.ok("save -o base.tar base:1");
    let piped = machine.docker("save base:1");
    machine.ok("rmi base:1");
    assert_eq!(machine.ok("load -i base.tar"), "Loaded image: base:1\n");
    assert_eq!(machine.ok("images -q --no-trunc"), id);
    machine.ok("rmi base:1");
    assert_eq!(machine.piped(&piped.bytes, "load").out, "Loaded image: base:1\n");
}

#[test]
fn an_archive_is_not_poured_onto_a_terminal() {
    let mut machine = with_base();
    let said = machine.at_terminal("save base:1", &[]);
    assert_eq!(
        said.err,
        "cowardly refusing to save to a terminal. Use the -o flag or redirect\n"
    );
    assert_eq!(said.code(), 1);
    assert_eq!(
        machine.at_terminal("load", &[]).err,
        "requested load from stdin, but stdin is empty\n"
    );
}

#[test]
fn a_file_that_is_not_there_is_said_as_docker_says_it() {
    let mut machine = with_base();
    assert_eq!(
        machine.fails("load -i none.tar").0,
        "open none.tar: no such file or directory\n"
    );
    assert_eq!(
        machine.fails("import none.tar").0,
        "open none.tar: no such file or directory\n"
    );
    assert_eq!(
        machine.fails("save -o none/x.tar base:1").0,
        "failed to save image: invalid output path: stat /home/me/none: no such file or directory\n"
    );
}

#[test]
fn a_bad_archive_is_refused_and_nothing_is_taken_in() {
    let mut machine = with_base();
    let before = machine.daemon.clone();
    let said = machine.piped(b"no archive at all", "load");
    assert_eq!(said.code(), 1);
    assert!(said.err.starts_with("Error response from daemon: "), "{}", said.err);
    assert_eq!(machine.daemon, before);
}

#[test]
fn a_container_is_flattened_into_an_image_of_one_layer() {
    let mut machine = with_base();
    machine.ok("run -d --name flat_container base:1");
    let tar = machine.docker("export flat_container");
    assert_eq!(tar.code(), 0);
    let said = machine.piped(&tar.bytes, "import -c 'CMD [\"last\"]' - flat:latest");
    assert!(said.out.starts_with("sha256:"), "{}{}", said.out, said.err);
    assert_eq!(
        machine.ok("image inspect flat --format '{{len .RootFS.Layers}} {{.Config.Cmd}}'"),
        "1 [last]\n"
    );
    let history = machine.ok("history flat:latest");
    assert_eq!(history.lines().count(), 2, "{history}");
    assert!(history.contains("Imported from -"), "{history}");
}
