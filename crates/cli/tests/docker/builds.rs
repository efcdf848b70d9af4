//! `docker build`.

use crate::support::Workstation;

fn project(text: &str) -> Workstation {
    let mut machine = Workstation::new();
    machine.file("/home/me/Dockerfile", text);
    machine.file("/home/me/page", "built\n");
    machine
}

#[test]
fn an_image_is_built_and_named() {
    let mut machine = project("FROM base:1\nCOPY page /srv/page\nRUN echo hello\nCMD [\"last\"]\n");
    let said = machine.docker("build -t site .");
    assert_eq!((said.out.as_str(), said.code()), ("", 0), "{}", said.err);
    for line in [
        "#1 [internal] load build definition from Dockerfile",
        "[internal] load metadata for docker.io/library/base:1",
        "[2/3] COPY page /srv/page",
        "[3/3] RUN echo hello",
        "exporting to image",
        "naming to docker.io/library/site:latest done",
    ] {
        assert!(said.err.contains(line), "{line} is not in\n{}", said.err);
    }
    assert_eq!(machine.ok("run site sh -c 'echo up'"), "up\n");
    let again = machine.docker("build -t site .");
    assert_eq!(again.err.matches("CACHED").count(), 2, "{}", again.err);
    assert_eq!(machine.docker("build --no-cache .").err.matches("CACHED").count(), 0);
}

#[test]
fn quiet_builds_print_the_id_alone() {
    let mut machine = project("FROM base:1\nCOPY page /p\n");
    let said = machine.docker("build -q --iidfile id .");
    assert!(said.out.starts_with("sha256:") && said.out.len() == 72, "{}", said.out);
    assert_eq!(said.err, "");
    assert_eq!(machine.text("/home/me/id"), said.out.trim());
}

#[test]
fn targets_arguments_labels_and_files_count() {
    let mut machine = project("FROM base:1 AS a\nARG V=none\nLABEL v=$V\nFROM a AS b\nCOPY page /b\n");
    machine.file("/home/me/other.Dockerfile", "FROM base:1\nLABEL from=other\n");
    machine.ok("build -q --target a --build-arg V=1 --label l=x -t t .");
    assert_eq!(
        machine.ok("inspect t -f '{{.Config.Labels.v}} {{.Config.Labels.l}}'"),
        "1 x\n"
    );
    machine.ok("build -q -f other.Dockerfile -t o .");
    assert_eq!(machine.ok("inspect o -f '{{.Config.Labels.from}}'"), "other\n");
    let said = machine.piped(b"FROM base:1\nLABEL from=pipe\n", "build -q -t p -");
    assert_eq!(said.code(), 0, "{}", said.err);
    assert_eq!(machine.ok("inspect p -f '{{.Config.Labels.from}}'"), "pipe\n");
    let said = machine.piped(b"FROM base:1\nCOPY page /x\n", "build -q -f - -t f .");
    assert_eq!(said.code(), 0, "{}", said.err);
}

#[test]
fn a_build_starts_from_what_the_daemon_has() {
    let mut machine = project("FROM mine\nCOPY page /p\n");
    let (error, _) = machine.fails("build .");
    assert!(
        error.contains("mine: failed to resolve source metadata for docker.io/library/mine:latest"),
        "{error}"
    );
    machine.ok("pull -q base:1");
    machine.ok("tag base:1 mine");
    machine.ok("build -q .");
}

#[test]
fn ignored_files_stay_out() {
    let mut machine = project("FROM base:1\nCOPY . /all\n");
    machine.file("/home/me/.dockerignore", "secret\n");
    machine.file("/home/me/secret", "no\n");
    machine.ok("build -q -t t .");
    machine.ok("create --name box t");
    machine.ok("cp box:/all/page out");
    assert!(
        machine
            .fails("cp box:/all/secret out")
            .0
            .contains("Could not find the file /all/secret")
    );
}

#[test]
fn a_step_that_fails_shows_its_place() {
    let mut machine = project("FROM base:1\nRUN fail 3\n");
    let (error, code) = machine.fails("build .");
    assert_eq!(code, 1);
    assert!(error.contains("Dockerfile:2\n--------------------\n"), "{error}");
    assert!(
        error.ends_with(
            "ERROR: failed to build: failed to solve: process \"/bin/sh -c fail 3\" did not complete successfully: exit code: 3\n"
        ),
        "{error}"
    );
    assert_eq!(machine.ok("images -aq"), "");
}

#[test]
fn a_text_that_is_wrong_shows_its_place() {
    let mut machine = project("FROM base:1\nCOPPY page /p\n");
    let (error, code) = machine.fails("build .");
    assert_eq!(code, 1);
    assert!(error.contains("   2 | >>> COPPY page /p\n"), "{error}");
    assert!(error.contains("ERROR: failed to build: failed to solve: "), "{error}");
}

#[test]
fn what_is_not_there_cannot_be_built() {
    let mut machine = Workstation::new();
    assert_eq!(
        machine.fails("build nowhere").0,
        "ERROR: unable to prepare context: path \"nowhere\" not found\n"
    );
    machine.file("/home/me/x", "");
    assert_eq!(
        machine.fails("build .").0,
        "ERROR: failed to build: failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory\n"
    );
    assert_eq!(
        machine.fails("build -t A .").0,
        "ERROR: invalid tag \"A\": invalid reference format\n"
    );
}

#[test]
fn warnings_are_told_after_the_build() {
    let mut machine = project("FROM base:1 as x\nCMD echo hi\n");
    let said = machine.docker("build .");
    assert!(
        said.err
            .contains("\n 2 warnings found (use docker --debug to expand):\n - FromAsCasing: "),
        "{}",
        said.err
    );
}

#[test]
fn a_built_image_can_be_pushed_at_once() {
    let mut machine = project("FROM base:1\nCOPY page /p\n");
    let said = machine.docker("build -t localhost:5000/site --push .");
    assert_eq!(said.code(), 0, "{}", said.err);
    machine.ok("rmi localhost:5000/site");
    machine.ok("pull -q localhost:5000/site");
}
