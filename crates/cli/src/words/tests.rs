//! Tests of the words after `docker`: what they mean, and what is said when they mean nothing.

use super::{Answer, Call, parse};
use proptest::prelude::Strategy as _;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace()
        .map(|word| if word == "''" { String::new() } else { word.to_owned() })
        .collect()
}

fn call(line: &str) -> Call {
    parse(&words(line)).unwrap_or_else(|answer| panic!("{line}: {answer:?}"))
}

fn answer(line: &str) -> Answer {
    match parse(&words(line)) {
        Ok(call) => panic!("{line} is {call:?}"),
        Err(answer) => answer,
    }
}

#[test]
fn flags_may_follow_arguments() {
    let call = call("image inspect nginx --format {{.Id}}");
    assert_eq!(call.arguments, ["nginx"]);
    assert_eq!(call.text("format"), Some("{{.Id}}"));
}

#[test]
fn what_follows_the_image_belongs_to_the_container() {
    let call = call("run -it --name x alpine ls -l --help");
    assert!(call.on("interactive") && call.on("tty"));
    assert_eq!(call.text("name"), Some("x"));
    assert_eq!(call.arguments, ["alpine", "ls", "-l", "--help"]);
}

#[test]
fn two_dashes_end_the_flags() {
    assert_eq!(call("rm -f -- -x").arguments, ["-x"]);
    assert_eq!(call("run -- alpine -- x").arguments, ["alpine", "--", "x"]);
}

#[test]
fn a_value_may_be_joined_or_follow_and_may_look_like_a_flag() {
    for line in ["ps -n 3", "ps -n3", "ps -n=3", "ps --last 3", "ps --last=3", "ps -an3"] {
        assert_eq!(call(line).number("last"), Some(3), "{line}");
    }
    assert_eq!(call("ps -n -1").number("last"), Some(-1));
    assert_eq!(call("run --name --rm alpine").text("name"), Some("--rm"));
}

#[test]
fn what_repeats_adds_up_and_what_does_not_is_replaced() {
    let call = call("run -e A=1 --env B -p 1:1 -p 2:2 --name a --name b alpine");
    assert_eq!(call.list("env"), ["A=1", "B"]);
    assert_eq!(call.list("publish"), ["1:1", "2:2"]);
    assert_eq!(call.text("name"), Some("b"));
    assert_eq!(
        super::parse(&words("rmi --platform linux/amd64,linux/arm64 x"))
            .unwrap()
            .list("platform")
            .len(),
        2
    );
}

#[test]
fn switches_are_taken_back_and_have_defaults() {
    assert!(!call("images -a --all=false").on("all"));
    assert!(!call("images -aq=0").on("quiet"));
    assert!(call("history x").on("human"));
    assert!(!call("history -H=false x").on("human"));
    assert!(!call("history -H=false x").on("quiet"));
    assert!(call("commit x").on("pause"));
    assert_eq!(call("run x").text_or_default("restart"), "no");
}

#[test]
fn every_name_of_a_command_is_that_command() {
    for (short, long) in [
        ("images", "image ls"),
        ("rmi x", "image rm x"),
        ("ps", "container ls"),
        ("build .", "buildx build ."),
        ("info", "system info"),
    ] {
        assert_eq!(call(short).spec.verb, call(long).spec.verb);
    }
}

#[test]
fn a_wrong_word_is_answered_in_dockers_words_and_code() {
    let cases: &[(&str, u8, &str)] = &[
        // Flags.
        ("info --foo", 125, "unknown flag: --foo"),
        ("--foo", 125, "unknown flag: --foo"),
        ("container foo --bar", 125, "unknown flag: --bar"),
        ("images -axz", 125, "unknown shorthand flag: 'x' in -xz"),
        ("images -n=3", 125, "unknown shorthand flag: 'n' in -n=3"),
        ("run -itxe", 125, "unknown shorthand flag: 'x' in -xe"),
        ("run --name", 125, "flag needs an argument: --name"),
        ("run -ite", 125, "flag needs an argument: 'e' in -e"),
        ("images ---x", 125, "bad flag syntax: ---x"),
        ("images --=x", 125, "bad flag syntax: --=x"),
        // Values.
        (
            "images -aq=foo",
            125,
            "invalid argument \"foo\" for \"-q, --quiet\" flag: strconv.ParseBool: parsing \"foo\": invalid syntax",
        ),
        (
            "stop -t x a",
            125,
            "invalid argument \"x\" for \"-t, --timeout\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            "run --pids-limit 99999999999999999999 a",
            125,
            "invalid argument \"99999999999999999999\" for \"--pids-limit\" flag: strconv.ParseInt: parsing \
             \"99999999999999999999\": value out of range",
        ),
        (
            "run --memory=zz x",
            125,
            "invalid argument \"zz\" for \"-m, --memory\" flag: invalid size: 'zz'",
        ),
        (
            "run --shm-size -1 x",
            125,
            "invalid argument \"-1\" for \"--shm-size\" flag: invalid size: '-1'",
        ),
        (
            "run --cpus=zz x",
            125,
            "invalid argument \"zz\" for \"--cpus\" flag: failed to parse zz as a rational number",
        ),
        (
            "run --health-interval 5 a",
            125,
            "invalid argument \"5\" for \"--health-interval\" flag: time: missing unit in duration \"5\"",
        ),
        (
            "images -f x",
            125,
            "invalid argument \"x\" for \"-f, --filter\" flag: bad format of filter (expected name=value)",
        ),
        (
            "run -e =x a",
            125,
            "invalid argument \"=x\" for \"-e, --env\" flag: invalid environment variable: =x",
        ),
        (
            "run -l =x a",
            125,
            "invalid argument \"=x\" for \"-l, --label\" flag: invalid label '=x': empty name",
        ),
        (
            "run --mount x a",
            125,
            "invalid argument \"x\" for \"--mount\" flag: invalid field 'x' must be a key=value pair",
        ),
        (
            "run -a foo a",
            125,
            "invalid argument \"foo\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT and STDERR",
        ),
        // Arguments.
        ("tag a", 1, "docker: 'docker tag' requires 2 arguments"),
        ("image tag a b c", 1, "docker: 'docker image tag' requires 2 arguments"),
        ("history", 1, "docker: 'docker history' requires 1 argument"),
        ("run", 1, "docker: 'docker run' requires at least 1 argument"),
        ("exec a", 1, "docker: 'docker exec' requires at least 2 arguments"),
        ("images a b", 1, "docker: 'docker images' requires at most 1 argument"),
        (
            "commit",
            1,
            "docker: 'docker commit' requires at least 1 and at most 2 arguments",
        ),
        ("ps a", 1, "docker: 'docker ps' accepts no arguments"),
        // Commands.
        ("foo", 1, "docker: unknown command: docker foo"),
        ("image foo", 1, "docker: unknown command: docker image foo"),
        ("help foo", 1, "unknown help topic: foo"),
    ];
    for (line, code, first) in cases {
        let answer = answer(line);
        assert_eq!(answer.stderr.lines().next(), Some(*first), "{line}");
        assert_eq!((answer.code, answer.stdout.as_str()), (*code, ""), "{line}");
    }
}

#[test]
fn the_usage_follows_what_is_wrong() {
    assert_eq!(
        answer("images -x").stderr,
        "unknown shorthand flag: 'x' in -x\n\nUsage:  docker images [OPTIONS] [REPOSITORY[:TAG]]\n\n\
         Run 'docker images --help' for more information\n"
    );
    assert_eq!(
        answer("rm").stderr,
        "docker: 'docker rm' requires at least 1 argument\n\nUsage:  docker rm [OPTIONS] CONTAINER [CONTAINER...]\n\n\
         See 'docker rm --help' for more information\n"
    );
    assert_eq!(
        answer("volume foo").stderr,
        "docker: unknown command: docker volume foo\n\nUsage:  docker volume\n\nRun 'docker volume --help' for more information\n"
    );
    assert_eq!(
        answer("--foo").stderr.lines().nth(2),
        Some("Usage:  docker [OPTIONS] COMMAND [ARG...]")
    );
}

#[test]
fn a_word_that_is_nearly_a_command_is_asked_about() {
    assert!(
        answer("imges").stderr.contains("Did you mean this?\n\timages\n"),
        "{}",
        answer("imges").stderr
    );
    assert!(answer("image prnue").stderr.contains("\tprune\n"));
    assert!(!answer("foo").stderr.contains("mean"));
}

#[test]
fn help_is_asked_for_in_several_ways() {
    let long = answer("images --help");
    assert_eq!(long.code, 0);
    assert_eq!(answer("help images"), long);
    assert_eq!(
        answer("images -h").stdout,
        format!("Flag shorthand -h has been deprecated, use --help\n{}", long.stdout)
    );
    assert_eq!(answer("image").stdout, answer("image --help").stdout);
    assert_eq!(answer("").stdout, answer("--help").stdout);
    assert_eq!(call("run -h box alpine").text("hostname"), Some("box"));
    // A wrong flag is said before help is given.
    assert_eq!(answer("images --help --foo").code, 125);
}

#[test]
fn the_help_of_a_command_has_dockers_layout() {
    assert_eq!(
        answer("ps --help").stdout,
        "\
Usage:  docker ps [OPTIONS]

List containers

Aliases:
  docker container ls, docker container list, docker container ps, docker ps

Options:
  -a, --all             Show all containers (default shows just running)
  -f, --filter filter   Filter output based on conditions provided
      --format string   Format output using a custom template:
                        'table':            Print output in table format
                        with column headers (default)
                        'table TEMPLATE':   Print output in table format
                        using the given Go template
                        'json':             Print in JSON format
                        'TEMPLATE':         Print output using the given
                        Go template.
                        Refer to https://docs.docker.com/go/formatting/
                        for more information about formatting output with
                        templates
  -n, --last int        Show n last created containers (includes all
                        states) (default -1)
  -l, --latest          Show the latest created container (includes all
                        states)
      --no-trunc        Don't truncate output
  -q, --quiet           Only display container IDs
  -s, --size            Display total file sizes
"
    );
    let run = answer("run --help").stdout;
    assert!(run.contains("\n      --help                             Print usage\n  -h, --hostname string"));
    assert!(run.contains("\n      --restart string                   Restart policy to apply when a\n"));
}

#[test]
fn the_help_of_a_group_lists_its_commands() {
    assert_eq!(
        answer("builder").stdout,
        "\
Usage:  docker builder COMMAND

Manage builds

Commands:
  build       Build an image from a Dockerfile
  prune       Remove build cache

Run 'docker builder COMMAND --help' for more information on a command.
"
    );
}

#[test]
fn version_is_a_flag_too() {
    assert_eq!(answer("-v").stdout, "Docker version 28.2.2, build layerlab\n");
}

proptest::proptest! {
    #[test]
    fn no_words_panic(words in proptest::collection::vec(
        proptest::prop_oneof![
            proptest::sample::select(vec![
                "run", "image", "ls", "ps", "build", "container", "help", "exec", "--", "-", "-it", "-e", "--name", "--name=", "-p=1", "--rm=x",
                "-é", "--é=1", "---", "--=", "-=", "", "-h", "--help", "-n", "--memory", "1.5g", "--format", "-axq", "é", "-v/x:/y",
            ]).prop_map(str::to_owned),
            "\\PC{0,8}",
        ],
        0..8,
    )) {
        let _ = parse(&words);
        let _ = crate::complete::complete(&words, &Nothing);
    }
}

struct Nothing;

impl crate::complete::Lookups for Nothing {
    fn images(&self) -> Vec<String> {
        vec!["x".to_owned()]
    }

    fn containers(&self, _: bool) -> Vec<String> {
        Vec::new()
    }

    fn volumes(&self) -> Vec<String> {
        Vec::new()
    }

    fn registries(&self) -> Vec<String> {
        Vec::new()
    }

    fn paths(&self, begin: &str) -> Vec<String> {
        vec![begin.to_owned()]
    }
}
