//! What plans are made of, and what makes a plan impossible.

use dockerfile::{Diagnostic, first_error, parse};
use oci::{History, ImageConfig, Platform};
use planner::{
    Action, Base, Caching, ImageName, Input, Known, Mount, MountKind, NoCache, Options, Plan, Reach, Resolved, Run,
    explain, needs, plan,
};

fn options() -> Options {
    Options::new(Platform::linux_amd64())
}

fn name(image: &str) -> ImageName {
    ImageName {
        name: image.to_owned(),
        platform: "linux/amd64".to_owned(),
    }
}

/// Images called `base`, with these triggers, and `other`.
fn known(triggers: &[&str]) -> Known {
    let mut config = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    config.config.env = vec!["PATH=/bin".to_owned(), "FROM_BASE=1".to_owned()];
    config.history = vec![History {
        created_by: "COPY . / # buildkit".to_owned(),
        ..History::default()
    }];
    let mut known = Known::new();
    known.insert(name("other"), Resolved::Image(Box::new(config.clone())));
    config.config.on_build = triggers.iter().map(|&text| text.to_owned()).collect();
    known.insert(name("base"), Resolved::Image(Box::new(config)));
    known
}

fn plan_with(text: &str, options: &Options, triggers: &[&str]) -> Result<Plan, Vec<Diagnostic>> {
    let parse = parse(text);
    if let Some(error) = first_error(&parse.diagnostics) {
        return Err(vec![error.clone()]);
    }
    plan(&parse.dockerfile, options, &known(triggers))
}

fn planned(text: &str) -> Plan {
    plan_with(text, &options(), &[]).expect("a good plan")
}

fn texts(plan: &Plan) -> Vec<String> {
    let line = |(_, shown): (usize, usize)| {
        let step = &plan.steps[shown];
        format!("{}: {}", plan.stages[step.stage].label, step.text)
    };
    plan.done_steps().into_iter().map(line).collect()
}

fn run(plan: &Plan, step: usize) -> &Run {
    match &plan.steps[step].action {
        Action::Run(run) => run,
        other => panic!("expected a RUN, found {other:?}"),
    }
}

#[test]
fn errors_have_buildkits_words_and_line() {
    let cases = [
        ("ARG BASE\nFROM $BASE", Some(2), "base name ($BASE) should not be blank"),
        ("FROM scratch\nCOPY --from=3 /a /b", None, "invalid stage index 3"),
        (
            "FROM scratch\nCOPY --from=$X /a /b",
            None,
            "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a \
             workaround",
        ),
        (
            "FROM scratch AS a\nCOPY --from=a /a /b",
            Some(2),
            "circular dependency detected on stage: a",
        ),
        (
            "FROM UPPER/Case:tag",
            Some(1),
            "failed to parse stage name \"UPPER/Case:tag\": invalid reference format: repository name (Case) must be \
             lowercase",
        ),
        ("FROM scratch\nEXPOSE eighty", Some(2), "invalid containerPort: eighty"),
        ("FROM scratch\nSTOPSIGNAL NOPE", Some(2), "invalid signal: NOPE"),
        (
            "FROM scratch\nCOPY --chmod=9x9 a /",
            Some(2),
            "invalid chmod parameter: '9x9'. it should be octal string and between 0 and 07777",
        ),
        (
            "FROM scratch\nCOPY https://example.com/a /",
            Some(2),
            "source can't be a URL for COPY",
        ),
        (
            "FROM scratch\nCOPY git@example.com:a/b.git /",
            Some(2),
            "source can't be a git ref for COPY",
        ),
        (
            "FROM scratch\nADD --checksum=sha256:1 a /",
            Some(2),
            "checksum requires HTTP(S) or Git sources",
        ),
        (
            "FROM --platform=$NOPE scratch",
            Some(1),
            "empty platform value from expression $NOPE",
        ),
        (
            "FROM scratch\nRUN --mount=target=/ x",
            Some(2),
            "invalid mount target \"/\"",
        ),
        (
            "FROM nowhere",
            Some(1),
            "nowhere: failed to resolve source metadata for docker.io/library/nowhere:latest: \
             docker.io/library/nowhere:latest: not found",
        ),
    ];
    for (text, line, message) in cases {
        let errors = plan_with(text, &options(), &[]).expect_err(text);
        assert_eq!((errors[0].line, errors[0].message.as_str()), (line, message), "{text}");
    }
}

#[test]
fn an_unused_stage_is_read_but_not_planned() {
    let plan = planned("FROM base AS unused\nCOPY ${X:?nobody reads this} /\nFROM scratch\nCOPY a /");
    assert_eq!(
        plan.stages.iter().map(|stage| stage.needed).collect::<Vec<_>>(),
        [false, true]
    );
    assert_eq!(texts(&plan), ["stage-1: COPY a /"]);
    let errors = plan_with("FROM $NOPE AS unused\nFROM scratch", &options(), &[]).expect_err("a blank base");
    assert_eq!(errors[0].line, Some(1));
}

#[test]
fn a_base_is_found_by_its_exact_name_and_a_source_by_any_case() {
    let plan = planned("FROM scratch AS one\nCOPY a /\nFROM one AS TWO\nFROM scratch\nCOPY --from=Two /a /");
    assert_eq!(plan.stages[1].base, Base::Stage(0));
    assert_eq!(plan.stages[2].needs, [1]);
    assert!(plan_with("FROM scratch AS one\nFROM One", &options(), &[]).is_err());
}

#[test]
fn needs_are_asked_for_until_triggers_name_nothing_more() {
    let file = parse("FROM base\nADD https://example.com/f /").dockerfile;
    let mut found = Known::new();
    let first = needs(&file, &options(), &found).expect("good");
    assert_eq!(
        first.images.iter().map(|n| n.image.name.as_str()).collect::<Vec<_>>(),
        ["base"]
    );
    assert_eq!(first.images[0].line, 1);
    let all = known(&["COPY --from=other /a /b"]);
    found.insert(name("base"), all[&name("base")].clone());
    let second = needs(&file, &options(), &found).expect("good");
    assert_eq!(
        second.images.iter().map(|n| n.image.name.as_str()).collect::<Vec<_>>(),
        ["other"]
    );
    let third = needs(&file, &options(), &all).expect("good");
    assert!(third.images.is_empty());
    assert_eq!(third.urls[0].filename, "f");
}

#[test]
fn triggers_run_first_and_once() {
    let text = "FROM base AS one\nRUN own\nFROM one\nRUN last";
    let plan = plan_with(text, &options(), &["RUN trigger"]).expect("good");
    assert_eq!(
        texts(&plan),
        ["one: ONBUILD RUN trigger", "one: RUN own", "stage-1: RUN last"]
    );
    assert_eq!(plan.steps[0].lines, (1, 1));
    assert!(plan.stages[0].config.config.on_build.is_empty());
}

#[test]
fn steps_that_are_the_same_are_done_once_under_the_last_name() {
    let text =
        "FROM base AS a\nRUN same\nFROM base AS b\nRUN same\nFROM scratch\nCOPY --from=a /x /\nCOPY --from=b /x /y";
    assert_eq!(
        texts(&planned(text)),
        [
            "b: RUN same",
            "stage-2: COPY --from=a /x /",
            "stage-2: COPY --from=b /x /y"
        ]
    );
}

#[test]
fn one_stage_has_no_label_unless_something_else_is_named() {
    assert_eq!(texts(&planned("FROM base\nRUN x")), [": RUN x"]);
    assert_eq!(
        texts(&planned("FROM base\nRUN --mount=type=cache,target=/c x")),
        ["stage-0: RUN --mount=type=cache,target=/c x"]
    );
}

#[test]
fn progress_replaces_variables_and_keeps_quotes_in_commands() {
    let plan = planned("FROM base\nENV A=1\nrun echo \"$A\" $NOPE\nWORKDIR /\"w\"/$A\nCOPY \"f\" $A");
    assert_eq!(texts(&plan), [": RUN echo \"1\" $NOPE", ": WORKDIR /w/1", ": COPY f 1"]);
}

#[test]
fn arguments_reach_commands_and_history_but_not_the_image() {
    let text = "ARG G=global\nFROM base\nARG G\nARG OWN=$G-own\nARG NONE\nENV E=$OWN\nRUN x";
    let plan = planned(text);
    let env: Vec<String> = run(&plan, 0)
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        env,
        ["PATH=/bin", "FROM_BASE=1", "G=global", "OWN=global-own", "E=global-own"]
    );
    let history = &plan.stages[0].history;
    assert_eq!(
        history.last().map(|past| past.created_by.as_str()),
        Some("RUN |3 G=global OWN=global-own NONE= /bin/sh -c x # buildkit")
    );
    assert_eq!(
        plan.stages[0].config.config.env,
        ["PATH=/bin", "FROM_BASE=1", "E=global-own"]
    );
}

#[test]
fn build_arguments_win_over_defaults_and_set_predefined_ones() {
    let mut options = options();
    options.build_args = vec![
        ("A".into(), "1".into()),
        ("A".into(), "2".into()),
        ("TARGETARCH".into(), "x".into()),
    ];
    let plan = plan_with(
        "FROM base\nARG A=0\nARG TARGETARCH\nARG TARGETSTAGE\nRUN x",
        &options,
        &[],
    )
    .expect("good");
    let env = &run(&plan, 0).env;
    for pair in [("A", "2"), ("TARGETARCH", "x"), ("TARGETSTAGE", "default")] {
        assert!(env.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{pair:?}");
    }
}

#[test]
fn a_heredoc_is_the_command_or_a_script() {
    let plan = planned("FROM base\nRUN <<EOF\necho a\nEOF\nRUN <<EOF\n#!/bin/x\nEOF\nRUN cat <<A\n1\nA\n");
    assert_eq!(run(&plan, 0).argv, ["/bin/sh", "-c", "echo a\n"]);
    assert_eq!(run(&plan, 1).argv, ["/bin/sh", "-c", "/dev/pipes/EOF"]);
    assert!(matches!(
        run(&plan, 1).mounts.as_slice(),
        [Mount { target, kind: MountKind::Bind { .. }, read_only: true, .. }] if target == "/dev/pipes/"
    ));
    assert_eq!(run(&plan, 2).argv, ["/bin/sh", "-c", "cat <<A\n1\nA"]);
    assert_eq!(texts(&plan)[0], ": RUN <<EOF (echo a)");
}

#[test]
fn a_linked_copy_is_two_steps_on_something_and_one_on_nothing() {
    let plan = planned("FROM base\nCOPY --link a /");
    assert_eq!(texts(&plan), [": COPY --link a /", ": LINK COPY --link a /"]);
    assert_eq!(plan.steps[0].base, Input::Scratch);
    assert_eq!(plan.lines[1].steps, [0, 1]);
    assert_eq!(texts(&planned("FROM scratch\nCOPY --link a /")), [": COPY --link a /"]);
}

#[test]
fn without_the_cache_all_but_workdir_runs() {
    let mut options = options();
    options.no_cache = NoCache::Stages(vec!["ONE".to_owned()]);
    let plan = plan_with("FROM base AS one\nRUN a\nWORKDIR /w\nFROM one\nRUN b", &options, &[]).expect("good");
    let caching: Vec<Caching> = plan.steps.iter().map(|step| step.caching).collect();
    assert_eq!(caching, [Caching::Ignore, Caching::Use, Caching::Use]);
}

#[test]
fn a_context_takes_the_place_of_a_stage_or_an_image() {
    let mut options = options();
    options.contexts = vec!["build".to_owned()];
    let mut known = known(&[]);
    known.insert(name("build"), Resolved::Directory);
    let file = parse("FROM nowhere AS build\nRUN never\nFROM scratch\nCOPY --from=build /a /").dockerfile;
    let plan = plan(&file, &options, &known).expect("the context is there");
    assert_eq!(texts(&plan), ["stage-1: COPY --from=build /a /"]);
}

#[test]
fn all_stages_can_be_planned_for_checks() {
    let mut options = options();
    options.reach = Reach::All;
    let plan = plan_with("FROM base AS a\nRUN x\nFROM scratch", &options, &[]).expect("good");
    assert!(plan.stages.iter().all(|stage| stage.needed));
}

#[test]
fn labels_and_platform_of_the_caller_land_in_the_target_only() {
    let mut options = options();
    options.labels = vec![("a".into(), "1".into())];
    options.platform = Some(Platform::new("linux", "arm64", ""));
    let plan = plan_with("FROM scratch AS one\nFROM one\nLABEL b=2", &options, &[]).expect("good");
    assert!(plan.stages[0].config.config.labels.is_empty());
    assert_eq!(plan.stages[1].config.config.labels.len(), 2);
    assert_eq!(plan.stages[1].config.platform.architecture, "arm64");
}

#[test]
fn a_plan_has_an_end() {
    let value = "x".repeat(4000);
    let chain: Vec<String> = (0..200)
        .map(|n| format!("FROM s{n} AS s{}\nENV V{n}={value}", n + 1))
        .collect();
    let text = format!("FROM scratch AS s0\n{}\n", chain.join("\n"));
    let errors = plan_with(&text, &options(), &[]).map(drop).expect_err("too much");
    assert_eq!(errors[0].code, "too-large");
    assert_eq!(
        errors[0].message,
        "expected a plan of at most 33554432 bytes, found more"
    );
}

#[test]
fn every_instruction_is_explained_in_a_sentence() {
    let text = "FROM golang AS build\nARG V\nENV A=1 B=2\nLABEL a=1\nRUN x\nCOPY a b c d e /\nADD x.tar /\nWORKDIR /w\n\
                USER u\nCMD [\"a\"]\nENTRYPOINT b\nEXPOSE 80\nVOLUME /v\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nSHELL [\"sh\"]\n\
                ONBUILD RUN y\nMAINTAINER m\nWORDDIR /x\n";
    for instruction in &parse(text).dockerfile.instructions {
        let sentence = explain(instruction);
        assert!(sentence.ends_with('.') && sentence.len() > 20, "{sentence}");
    }
}

#[test]
fn each_entry_of_the_history_has_the_configuration_after_it_and_a_long_file_only_the_first_of_them() {
    let parse = dockerfile::parse("FROM scratch\nENV A=1\nCMD [\"x\"]\nEXPOSE 80\n");
    let plan = planner::plan(&parse.dockerfile, &options(), &Known::new()).expect("a plan");
    let configs: Vec<_> = plan.stages[0]
        .history
        .iter()
        .map(|past| past.config.clone().expect("it is short"))
        .collect();
    let cmds: Vec<usize> = configs.iter().map(|config| config.cmd.len()).collect();
    assert_eq!(cmds, [0, 1, 1]);
    assert!(configs[0].env.contains(&"A=1".to_owned()) && configs[1].exposed_ports.is_empty());
    assert_eq!(*configs[2], plan.stages[0].config.config);
    let long = format!("FROM scratch\n{}", "ENV A=1\n".repeat(500));
    let parse = dockerfile::parse(&long);
    let plan = planner::plan(&parse.dockerfile, &options(), &Known::new()).expect("a plan");
    let kept = plan.stages[0].history.iter().filter(|past| past.config.is_some());
    assert_eq!(kept.count(), 128);
}
