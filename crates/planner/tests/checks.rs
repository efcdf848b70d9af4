//! Build checks: what each rule finds, what it leaves alone, and that its fix mends it.

use dockerfile::{Diagnostic, Severity};
use oci::{ImageConfig, Platform};
use planner::checks::{self, Surroundings};
use planner::{ImageName, Known, Options, Reach, Resolved};

fn options() -> Options {
    Options {
        reach: Reach::All,
        ..Options::new(Platform::linux_amd64())
    }
}

/// `base`, with a PATH, a directory, a SHELL if wanted, and triggers.
fn known(change: impl FnOnce(&mut ImageConfig)) -> Known {
    let mut image = ImageConfig {
        platform: Platform::linux_amd64(),
        ..ImageConfig::default()
    };
    image.config.env = vec!["PATH=/bin".to_owned(), "FROM_BASE=1".to_owned()];
    "/srv".clone_into(&mut image.config.working_dir);
    change(&mut image);
    let name = ImageName {
        name: "base".to_owned(),
        platform: "linux/amd64".to_owned(),
    };
    Known::from([(name, Resolved::Image(Box::new(image)))])
}

fn run(source: &str, options: &Options, known: &Known) -> Vec<Diagnostic> {
    let around = Surroundings {
        options,
        known,
        ignored: None,
    };
    checks::check(source, &dockerfile::parse(source), &around)
}

fn shown(found: &[Diagnostic]) -> Vec<String> {
    let line = |one: &Diagnostic| one.line.map_or(String::new(), |line| format!("{line} "));
    found
        .iter()
        .map(|one| format!("{}{}: {}", line(one), one.code, one.message))
        .collect()
}

fn check_with(source: &str, options: &Options, known: &Known, expected: &[&str]) {
    let found = run(source, options, known);
    assert_eq!(shown(&found), expected, "{source}");
    for finding in &found {
        assert!(source.get(finding.span.start..finding.span.end).is_some());
        let Some(fix) = &finding.fix else { continue };
        let mut mended = source.to_owned();
        for (span, text) in fix.edits.iter().rev() {
            mended.replace_range(span.start..span.end, text);
        }
        assert!(dockerfile::parse(&mended).diagnostics.is_empty(), "{mended}");
        let count = |found: &[Diagnostic]| found.iter().filter(|one| one.code == finding.code).count();
        assert_eq!(
            count(&run(&mended, options, known)) + 1,
            count(&found),
            "{} by {}:\n{mended}",
            finding.code,
            fix.title
        );
    }
}

/// Checks a file and that every fix leaves one finding of its rule less.
fn check(source: &str, expected: &[&str]) {
    check_with(source, &options(), &known(|_| {}), expected);
}

/// The file after the fix of its only finding.
fn mended(source: &str) -> String {
    let found = run(source, &options(), &known(|_| {}));
    let [finding] = found.as_slice() else {
        panic!("one finding: {found:?}")
    };
    let fix = finding.fix.as_ref().expect("a fix");
    let mut mended = source.to_owned();
    for (span, text) in fix.edits.iter().rev() {
        mended.replace_range(span.start..span.end, text);
    }
    mended
}

#[test]
fn stage_names_are_lower_case_not_reserved_and_unique() {
    check(
        "FROM base AS Build\nFROM base AS context\nFROM base AS build\nFROM scratch AS scratch\n",
        &[
            "1 StageNameCasing: Stage name 'Build' should be lowercase",
            "2 ReservedStageName: Stage name should not use the same name as reserved stage \"context\"",
            "3 DuplicateStageName: Duplicate stage name \"build\", stage names should be unique",
            "4 ReservedStageName: Stage name should not use the same name as reserved stage \"scratch\"",
        ],
    );
}

#[test]
fn as_has_the_case_of_from_if_from_has_one() {
    check(
        "FROM base as a\n",
        &["1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"],
    );
    check(
        "from base AS a\n",
        &["1 FromAsCasing: 'AS' and 'from' keywords' casing do not match"],
    );
    check(
        "FROM base As a\n",
        &["1 FromAsCasing: 'As' and 'FROM' keywords' casing do not match"],
    );
    check(
        "From base as a\n",
        &["1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase)"],
    );
}

#[test]
fn keywords_have_the_case_of_most_of_the_stages_keywords() {
    let odd = |line, keyword, case| {
        format!(
            "{line} ConsistentInstructionCasing: Command '{keyword}' should match the case of the command majority ({case}case)"
        )
    };
    check("arg A\narg B\nFROM base\nrun a\n", &[&odd(4, "run", "upper")]);
    check("from base\nrun a\nRUN b\n", &[&odd(3, "RUN", "lower")]);
    check("from base\nRUN b\n", &[&odd(1, "from", "upper")]);
    check("from base\nonbuild RUN b\n", &[]);
}

#[test]
fn empty_lines_among_continued_ones_are_found_where_they_end() {
    check(
        "FROM base\nRUN a \\\n\n  # c\n \t\n  b\n",
        &["6 NoEmptyContinuation: Empty continuation line"],
    );
    assert_eq!(
        mended("FROM base\nRUN a \\\n\n  # c\n \t\n  b\n"),
        "FROM base\nRUN a \\\n  # c\n  b\n"
    );
    check("FROM base\nCOPY <<E /x\n\nE\n", &[]);
}

#[test]
fn the_shell_form_is_found_unless_a_shell_is_chosen() {
    let found = |line, keyword| {
        format!(
            "{line} JSONArgsRecommended: JSON arguments recommended for {keyword} to prevent unintended behavior related to OS signals"
        )
    };
    check(
        "FROM base\nENTRYPOINT a\nCMD b c\n",
        &[&found(2, "ENTRYPOINT"), &found(3, "CMD")],
    );
    check(
        "FROM base AS a\nSHELL [\"/bin/bash\", \"-c\"]\nCMD b\nFROM a\nCMD b\n",
        &[],
    );
    check("FROM base\nHEALTHCHECK CMD a\nRUN b\nCMD [\"a\"]\n", &[]);
    check_with(
        "FROM base\nCMD b\n",
        &options(),
        &known(|image| image.config.shell = vec!["sh".into()]),
        &[],
    );
    assert_eq!(
        mended("FROM base\nCMD nginx -g\n"),
        "FROM base\nCMD [\"nginx\", \"-g\"]\n"
    );
    assert_eq!(
        mended(
            "FROM base\ncmd echo \"$HOME\" \\\n  && a\n"
                .replace("cmd", "CMD")
                .as_str()
        ),
        "FROM base\nCMD [\"/bin/sh\", \"-c\", \"echo \\\"$HOME\\\"   && a\"]\n"
    );
}

#[test]
fn only_the_last_of_some_instructions_counts_in_a_stage() {
    let found = |line, keyword| {
        format!(
            "{line} MultipleInstructionsDisallowed: Multiple {keyword} instructions should not be used in the same stage because only the last one will be used"
        )
    };
    check(
        "FROM base\nCMD [\"a\"]\nCMD [\"b\"]\nCMD [\"c\"]\n",
        &[&found(2, "CMD"), &found(3, "CMD")],
    );
    check(
        "FROM base\nHEALTHCHECK NONE\nHEALTHCHECK CMD a\n",
        &[&found(2, "HEALTHCHECK")],
    );
    check("FROM base AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]\n", &[]);
}

#[test]
fn the_old_form_of_pairs_is_found_and_mended_with_its_quotes() {
    let found = |keyword| {
        format!(
            "2 LegacyKeyValueFormat: \"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format"
        )
    };
    check("FROM base\nENV A b c\n", &[&found("ENV")]);
    check("from base\nlabel a b\n", &[&found("label")]);
    assert_eq!(mended("FROM base\nENV A b\n"), "FROM base\nENV A=b\n");
    assert_eq!(
        mended("FROM base\nENV A b  $FROM_BASE\n"),
        "FROM base\nENV A=\"b  $FROM_BASE\"\n"
    );
    assert_eq!(mended("FROM base\nENV A b \"c d\"\n"), "FROM base\nENV A=b\\ \"c d\"\n");
    assert_eq!(mended("FROM base\nENV A \"b c\"\n"), "FROM base\nENV A=\"b c\"\n");
    assert_eq!(mended("FROM base\nENV A it\\'s b\n"), "FROM base\nENV A=it\\'s\\ b\n");
}

#[test]
fn maintainer_becomes_a_label() {
    check(
        "FROM base\nMAINTAINER a \"b\" $c\n",
        &["2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label"],
    );
    assert_eq!(
        mended("FROM base\nMAINTAINER a \"b\" $c\n"),
        "FROM base\nLABEL org.opencontainers.image.authors=\"a \\\"b\\\" \\$c\"\n"
    );
}

#[test]
fn a_from_sees_the_args_above_and_nothing_else() {
    check("ARG TAG=1\nARG EMPTY\nFROM base:$TAG$EMPTY\n", &[]);
    check(
        "ARG TAG=1\nFROM base:$TGA\n",
        &[
            "2 InvalidDefaultArgInFrom: Default value for ARG base:$TGA results in empty or invalid base image name",
            "2 UndefinedArgInFrom: FROM argument 'TGA' is not declared (did you mean TAG?)",
        ],
    );
    check(
        "FROM ${BASE:-base}\n",
        &["1 UndefinedArgInFrom: FROM argument 'BASE' is not declared"],
    );
    check(
        "ARG BASE\nFROM $BASE\n",
        &["2 InvalidDefaultArgInFrom: Default value for ARG $BASE results in empty or invalid base image name"],
    );
    let given = Options {
        build_args: vec![("BASE".into(), "base".into())],
        ..options()
    };
    check_with(
        "ARG BASE\nFROM $BASE\nENV A=$FROM_BASE\n",
        &given,
        &known(|_| {}),
        &["2 InvalidDefaultArgInFrom: Default value for ARG $BASE results in empty or invalid base image name"],
    );
}

#[test]
fn platforms_are_left_to_the_build() {
    check(
        "FROM --platform=${TARGETPLATFORM} base\n",
        &[
            "1 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior",
        ],
    );
    check(
        "FROM --platform=linux/amd64 base AS a\n",
        &["1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value \"linux/amd64\""],
    );
    check(
        "FROM --platform=linux/amd64 base AS build-amd64\nFROM --platform=$BUILDPLATFORM base\n",
        &[],
    );
    check_with(
        "FROM base\n",
        &options(),
        &known(|image| image.platform = Platform::new("linux", "arm64", "")),
        &[
            "1 InvalidBaseImagePlatform: Base image base was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for current build",
        ],
    );
}

#[test]
fn variables_are_defined_in_the_stage_or_by_its_base() {
    check(
        "ARG V=1\nFROM base\nENV A=$V\nARG V\nENV B=$V$FROM_BASE$PATH\n",
        &["3 UndefinedVar: Usage of undefined variable '$V'"],
    );
    check(
        "FROM base AS a\nARG X=1\nENV Y=1\nFROM a\nCOPY $X $Y $Z /\nFROM base\nLABEL l=$X\n",
        &[
            "5 UndefinedVar: Usage of undefined variable '$Z' (did you mean $X?)",
            "7 UndefinedVar: Usage of undefined variable '$X'",
        ],
    );
    check(
        "FROM base\nENV A=1 B=$A C=${D:-x}\n",
        &[
            "2 UndefinedVar: Usage of undefined variable '$A'",
            "2 UndefinedVar: Usage of undefined variable '$D'",
        ],
    );
    check(
        "FROM base\nARG DIRECTORY=/a\nWORKDIR /${DIRECTROY}\n",
        &["3 UndefinedVar: Usage of undefined variable '$DIRECTROY' (did you mean $DIRECTORY?)"],
    );
    check("FROM base\nRUN echo $NO\nCMD [\"$NO\"]\nEXPOSE $NO\nARG $NO\n", &[]);
    check(
        "FROM base\nRUN --mount=type=cache,target=$NO a\nCOPY <<E <<\"F\" /\n$BODY\nE\n$BODY\nF\n",
        &[
            "2 UndefinedVar: Usage of undefined variable '$NO'",
            "3 UndefinedVar: Usage of undefined variable '$BODY'",
        ],
    );
    check(
        "FROM base\nARG A=$B\nARG B\nARG C=$B\n",
        &["2 UndefinedVar: Usage of undefined variable '$B'"],
    );
}

#[test]
fn the_first_workdir_of_a_chain_of_stages_is_absolute() {
    let found = "2 WorkdirRelativePath: Relative workdir \"a\" can have unexpected results if the base image changes";
    check("FROM base\nWORKDIR a\nWORKDIR b\n", &[found]);
    check("FROM base AS one\nWORKDIR /a\nFROM one\nWORKDIR b\n", &[]);
    assert_eq!(mended("FROM base\nWORKDIR a\n"), "FROM base\nWORKDIR /srv/a\n");
    assert_eq!(
        mended("FROM scratch\nWORKDIR \"a\"\n"),
        "FROM scratch\nWORKDIR /\"a\"\n"
    );
}

#[test]
fn names_that_sound_like_secrets_are_found() {
    check(
        "FROM base\nARG GITHUB_TOKEN\nENV apiKey=1 MONKEY=2 PUBLIC_KEY=3 PASSWORD_FILE=4 KEY=5 AUTH_VERSION=6\n",
        &[
            "2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG \"GITHUB_TOKEN\")",
            "3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV \"apiKey\")",
            "3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV \"KEY\")",
        ],
    );
}

#[test]
fn ports_are_those_of_the_container_in_lower_case() {
    check(
        "FROM base\nEXPOSE 53/UDP 80:8080 127.0.0.1:1:2/tcp :90 7-9/sctp\n",
        &[
            "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:1:2/tcp'",
            "2 ExposeProtoCasing: Defined protocol '53/UDP' in EXPOSE instruction should be lowercase",
            "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '80:8080'",
        ],
    );
}

#[test]
fn descriptions_are_looked_at_only_when_asked_for() {
    let source = "# what it is for\nARG A=1\n# B is good\n# more of it\nARG B C\nFROM base AS build\n";
    check(source, &[]);
    check(
        &format!("# check=experimental=all\n{source}"),
        &[
            "3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# A <description>`",
            "6 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`",
        ],
    );
    check(
        "# check=experimental=InvalidDefinitionDescription\n# build is good\n# check=skip=all\nFROM base AS build\n",
        &[],
    );
}

#[test]
fn files_that_the_context_leaves_out_are_found() {
    let (options, known) = (options(), known(|_| {}));
    let ignored = |path: &str| path == "secret" || path.starts_with("docs/");
    let around = Surroundings {
        options: &options,
        known: &known,
        ignored: Some(&ignored),
    };
    let source = "FROM base\nCOPY ./secret /\nADD docs/a https://x/docs/b /\nCOPY --from=base secret /\n";
    let found = checks::check(source, &dockerfile::parse(source), &around);
    assert_eq!(
        shown(&found),
        [
            "2 CopyIgnoredFile: Attempting to Copy file \"secret\" that is excluded by .dockerignore",
            "3 CopyIgnoredFile: Attempting to Add file \"docs/a\" that is excluded by .dockerignore",
        ]
    );
}

#[test]
fn rules_are_skipped_for_the_file_or_for_one_instruction() {
    check(
        "# check=skip=StageNameCasing,JSONArgsRecommended\nFROM base AS A\nCMD a\nWORKDIR b\n",
        &["4 WorkdirRelativePath: Relative workdir \"b\" can have unexpected results if the base image changes"],
    );
    check("# check=skip=all\nFROM base AS A\nCMD a\n", &[]);
    check(
        "FROM base\n# check=skip=JSONArgsRecommended because it is so\nCMD a\n# check=skip=other\nENTRYPOINT b\n",
        &[
            "5 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals",
        ],
    );
    let given = Options {
        build_args: vec![("BUILDKIT_DOCKERFILE_CHECK".into(), "skip=all".into())],
        ..options()
    };
    check_with("# check=skip=none\nFROM base\nCMD a\n", &given, &known(|_| {}), &[]);
}

#[test]
fn warnings_are_an_error_where_the_file_says_so() {
    let found = run(
        "# check=error=true\nFROM base as a\nCMD a\n",
        &options(),
        &known(|_| {}),
    );
    let last = found.last().expect("an error");
    assert_eq!(last.severity, Severity::Error);
    assert_eq!(
        last.message,
        "lint violation found for rules: FromAsCasing, JSONArgsRecommended"
    );
    assert!(run("# check=error=true\nFROM base\n", &options(), &known(|_| {})).is_empty());
    let found = run("# check=skap=x\nFROM base\n", &options(), &known(|_| {}));
    assert_eq!(
        shown(&found),
        ["check-directive: failed to parse check options: invalid check option \"skap\""]
    );
}

#[test]
fn triggers_are_checked_where_they_run() {
    let source = "FROM base AS a\nONBUILD CMD a\nFROM a AS b\n";
    let found = "3 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals";
    check(source, &[found]);
    let known = known(|image| image.config.on_build = vec!["ENV A $NO".to_owned()]);
    check_with(
        "FROM base\n",
        &options(),
        &known,
        &[
            "1 UndefinedVar: Usage of undefined variable '$NO'",
            "1 LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format",
        ],
    );
}

#[test]
fn stages_that_the_target_does_not_need_are_looked_at_only_on_request() {
    let source = "FROM base AS a\nCMD a\nFROM base\n";
    let of_target = Options {
        reach: Reach::Target,
        ..options()
    };
    check_with(source, &of_target, &known(|_| {}), &[]);
    assert_eq!(run(source, &options(), &known(|_| {})).len(), 1);
}

#[test]
fn files_with_mistakes_are_checked_as_far_as_they_can_be_read() {
    let found = run(
        "FROM base\nWORDDIR /x\nCMD a\nCOPY --from=9 a b\nENV A=${}\n",
        &options(),
        &known(|_| {}),
    );
    let codes: Vec<&str> = found.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["JSONArgsRecommended"]);
    assert!(run("", &options(), &Known::new()).is_empty());
}
