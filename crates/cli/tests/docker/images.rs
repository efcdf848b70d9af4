//! Images: listed, inspected, named, removed.

use crate::support::Workstation;
use cli::docker::Outcome;

fn with_base() -> Workstation {
    let mut machine = Workstation::new();
    machine.ok("pull -q base:1");
    machine
}

#[test]
fn images_are_listed_in_dockers_columns() {
    let mut machine = with_base();
    machine.ok("tag base:1 localhost:5000/web/base");
    let id = machine.ok("images -q base:1");
    let id = id.trim();
    assert_eq!(
        machine.ok("images"),
        format!(
            "REPOSITORY                TAG       IMAGE ID       CREATED      SIZE\n\
             base                      1         {id}   3 days ago   38B\n\
             localhost:5000/web/base   latest    {id}   3 days ago   38B\n"
        )
    );
    assert_eq!(
        machine.ok("image ls base --format '{{.Repository}}:{{.Tag}} {{.Size}}'"),
        "base:1 38B\n"
    );
    assert_eq!(machine.ok("images --format 'table {{.Tag}}'"), "TAG\n1\nlatest\n");
    let json = machine.ok("images base --format json");
    assert!(
        json.starts_with("{\"Containers\":\"N/A\",\"CreatedAt\":\"2023-11-11 22:13:20 +0000 UTC\""),
        "{json}"
    );
    assert!(machine.ok("images --digests base").contains("DIGEST"));
    assert_eq!(machine.ok("images -q --no-trunc base").trim().len(), 71);
    assert_eq!(
        machine.ok("images --filter dangling=true"),
        "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n"
    );
}

#[test]
fn an_unknown_filter_or_field_is_an_error() {
    let mut machine = with_base();
    assert_eq!(
        machine.fails("images -f foo=bar"),
        ("Error response from daemon: invalid filter 'foo'\n".to_owned(), 1)
    );
    let (error, code) = machine.fails("images --format '{{.Foo}}'");
    assert_eq!(code, 1);
    assert_eq!(
        error,
        "template parsing error: template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type \
         *formatter.imageContext\n"
    );
}

#[test]
fn inspect_prints_json_or_what_a_template_takes_from_it() {
    let mut machine = with_base();
    let text = machine.ok("image inspect base:1");
    assert!(text.starts_with("[\n    {\n        \"Id\": \"sha256:"), "{text}");
    assert!(text.ends_with("    }\n]\n"), "{text}");
    assert_eq!(
        machine.ok(
            "image inspect base:1 --format '{{.Os}}/{{.Architecture}} {{len .RootFS.Layers}} {{json .Config.Cmd}}'"
        ),
        "linux/amd64 2 [\"last\"]\n"
    );
    assert_eq!(
        machine.ok("inspect -f '{{range .Config.Env}}<{{.}}>{{end}}' base:1"),
        "<PATH=/bin>\n"
    );
    let said = machine.docker("image inspect base:1 nothing -f '{{.Os}}'");
    assert_eq!((said.out.as_str(), said.code()), ("linux\n", 1));
    assert_eq!(said.err, "Error response from daemon: No such image: nothing:latest\n");
    machine.ok("run --name odd base:1 sh -c 'echo <a> && b'");
    let text = machine.ok("inspect odd");
    assert!(text.contains("\"echo <a> && b\""), "{text}");
    let said = machine.docker("inspect nothing");
    assert_eq!(
        (said.out.as_str(), said.err.as_str()),
        ("[]\n", "Error: No such object: nothing\n")
    );
    assert_eq!(
        machine.fails("image inspect -f '{{foo}}' base:1"),
        (
            "template parsing error: template: :1: function \"foo\" not defined\n".to_owned(),
            64
        )
    );
    assert_eq!(machine.fails("inspect --type image web").1, 1);
}

#[test]
fn history_tells_each_step() {
    let mut machine = with_base();
    let id = machine.ok("images -q");
    assert_eq!(
        machine.ok("history base:1"),
        format!(
            "IMAGE          CREATED      CREATED BY            SIZE      COMMENT\n\
             {}   3 days ago   COPY page /srv/page   6B        \n\
             <missing>      3 days ago   ADD rootfs.tar /      32B       \n",
            id.trim()
        )
    );
    assert_eq!(
        machine.ok("image history -q base:1"),
        format!("{}\n<missing>\n", id.trim())
    );
    let figures = machine.ok("history -H=false base:1 --format '{{.CreatedAt}} {{.Size}}'");
    assert_eq!(figures, "2023-11-11T22:13:20Z 6\n2023-11-11T22:13:20Z 32\n");
}

#[test]
fn a_name_is_given_and_taken_away() {
    let mut machine = with_base();
    assert_eq!(machine.ok("tag base:1 other"), "");
    let text = machine.ok("rmi other");
    assert_eq!(text, "Untagged: other:latest\n");
    let text = machine.ok("image rm base:1");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Untagged: base:1");
    assert!(lines[1].starts_with("Untagged: base@sha256:"), "{text}");
    assert!(lines[2].starts_with("Deleted: sha256:"), "{text}");
    assert_eq!(machine.ok("images -q"), "");
}

#[test]
fn a_bad_name_is_refused_in_dockers_words() {
    let mut machine = with_base();
    assert_eq!(
        machine.fails("tag base:1 B").0,
        "Error parsing reference: \"B\" is not a valid repository/tag: invalid reference format: repository name (library/B) \
         must be lowercase\n"
    );
    assert_eq!(
        machine.fails("tag none x").0,
        "Error response from daemon: No such image: none:latest\n"
    );
    assert_eq!(
        machine.fails("pull A").0,
        "invalid reference format: repository name (library/A) must be lowercase\n"
    );
}

#[test]
fn several_images_are_removed_and_what_failed_is_said_at_the_end() {
    let mut machine = with_base();
    machine.ok("tag base:1 two");
    let said = machine.docker("rmi none two");
    assert_eq!(said.out, "Untagged: two:latest\n");
    assert_eq!(said.err, "Error response from daemon: No such image: none:latest\n");
    assert_eq!(said.code(), 1);
    assert_eq!(machine.docker("rmi -f none").code(), 0);
}

#[test]
fn an_image_that_a_container_uses_is_kept_and_with_force_loses_its_name_only() {
    let mut machine = with_base();
    machine.ok("run -d --name web base:1");
    let (error, code) = machine.fails("rmi base:1");
    assert_eq!(code, 1);
    assert!(
        error.starts_with("Error response from daemon: conflict: unable to remove repository reference"),
        "{error}"
    );
    let text = machine.ok("rmi -f base:1");
    assert!(
        text.starts_with("Untagged: base:1\n") && !text.contains("Deleted"),
        "{text}"
    );
    assert!(
        machine.ok("images").contains("\n<none>       <none>    "),
        "{}",
        machine.ok("images")
    );
}

#[test]
fn pruning_asks_first() {
    let mut machine = with_base();
    machine.ok("run --name one base:1 sh -c 'write /x 1'");
    machine.ok("commit one a");
    machine.ok("run --name two base:1 sh -c 'write /x 2'");
    machine.ok("commit two a");
    machine.ok("rm one two");
    // Nobody is there to answer.
    let said = machine.docker("image prune");
    assert_eq!(
        said.out,
        "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] "
    );
    assert_eq!(said.code(), 0);
    // A person is asked, and asked only.
    let said = machine.at_terminal("image prune", &[]);
    assert_eq!(said.out, "WARNING! This will remove all dangling images.\n");
    assert_eq!(
        said.outcome,
        Outcome::Asks {
            prompt: "Are you sure you want to continue? [y/N] ".to_owned(),
            hidden: false
        }
    );
    assert_eq!(machine.at_terminal("image prune", &["n"]).out, "");
    let said = machine.at_terminal("image prune", &["y"]);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[0], "Deleted Images:");
    assert!(lines[1].starts_with("deleted: sha256:"), "{}", said.out);
    assert_eq!(lines.last(), Some(&"Total reclaimed space: 1B"));
    assert_eq!(machine.ok("image prune -f"), "Total reclaimed space: 0B\n");
    // A pipe answers too.
    let said = machine.piped(b"y\n", "image prune -a");
    assert!(said.out.contains("untagged: a:latest"), "{}", said.out);
}
