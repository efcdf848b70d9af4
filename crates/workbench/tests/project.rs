//! A project from its first file to the image, as the page sees it.

use LineState::{Base, Cached, Config, Runs};
use messages::{Answer, Ask, ChangeView, ContentView, FileInput, LineState, Options, PreviewView, Subject, View};
use simulator::Simulator;
use store::Time;
use workbench::{Next, Workbench};

const NOW: Time = Time {
    secs: 1_700_000_000,
    nanos: 0,
};

fn files(list: &[(&str, &str)]) -> Vec<FileInput> {
    let file = |(path, text): &(&str, &str)| FileInput {
        path: (*path).to_owned(),
        mode: 0o644,
        bytes: text.as_bytes().to_vec(),
    };
    list.iter().map(file).collect()
}

fn options() -> Options {
    Options {
        dockerfile: "Dockerfile".to_owned(),
        ..Options::default()
    }
}

fn open(list: &[(&str, &str)]) -> (Workbench, PreviewView) {
    let mut bench = Workbench::new(NOW);
    bench.handle(Ask::Open { files: files(list) }, NOW);
    let preview = preview(&mut bench);
    (bench, preview)
}

fn built_files(view: View) -> Ask {
    Ask::Files {
        subject: Subject::Built,
        view,
    }
}

fn preview(bench: &mut Workbench) -> PreviewView {
    match bench.handle(Ask::Preview(options()), NOW).pop() {
        Some(Answer::Preview(view)) => view,
        other => panic!("a preview, found {other:?}"),
    }
}

/// Builds to the end and returns all that was said.
fn build(bench: &mut Workbench) -> Vec<Answer> {
    let mut answers = bench.start(&options(), NOW);
    let mut simulator = Simulator::new();
    while bench.next() != Next::Idle {
        answers.extend(bench.step(&mut simulator));
    }
    answers
}

fn image(answers: &[Answer]) -> messages::ImageView {
    match answers.last() {
        Some(Answer::Built(image)) => (**image).clone(),
        other => panic!("an image, found {other:?}"),
    }
}

fn states(preview: &PreviewView) -> Vec<LineState> {
    preview.lines.iter().map(|line| line.state).collect()
}

fn log(answers: &[Answer]) -> String {
    let text = |answer: &Answer| match answer {
        Answer::Log(text) => Some(text.clone()),
        _ => None,
    };
    answers.iter().filter_map(text).collect()
}

const SITE: &[(&str, &str)] = &[
    (
        "Dockerfile",
        "FROM scratch\nENV A=b\nCOPY index.html /www/\nWORKDIR /app\nCOPY app.js ./\n",
    ),
    ("index.html", "<h1>hello</h1>\n"),
    ("app.js", "1\n"),
];

#[test]
fn a_first_preview_runs_every_step_and_a_second_build_runs_none() {
    let (mut bench, before) = open(SITE);
    assert_eq!(states(&before), [Base, Config, Runs, Runs, Runs]);
    assert_eq!(before.summary, "3 steps: 3 will run.");
    let first = image(&build(&mut bench));
    assert_eq!(
        (first.ran, first.cached, first.layers.len(), first.simulated),
        (3, 0, 3, false)
    );
    let after = preview(&mut bench);
    assert_eq!(states(&after), [Base, Config, Cached, Cached, Cached]);
    let second = image(&build(&mut bench));
    assert_eq!((second.ran, second.cached), (0, 3));
    assert_eq!(second.id, first.id);
}

#[test]
fn the_log_reads_as_docker_prints_it() {
    let (mut bench, _) = open(SITE);
    let text = log(&build(&mut bench));
    let start = "#1 [internal] load build definition from Dockerfile\n#1 transferring dockerfile: 71B done\n#1 DONE 0.0s\n\n\
                 #2 [1/3] COPY index.html /www/\n#2 DONE 0.0s\n\n#3 [2/3] WORKDIR /app\n";
    assert!(text.starts_with(start), "{text}");
    assert!(!text.contains("\n\n\n"), "{text}");
}

#[test]
fn an_edited_file_runs_its_line_and_those_after_it_and_says_why() {
    let (mut bench, _) = open(SITE);
    build(&mut bench);
    bench.handle(
        Ask::Put {
            files: files(&[("app.js", "2\n")]),
        },
        NOW,
    );
    let view = preview(&mut bench);
    assert_eq!(states(&view), [Base, Config, Cached, Cached, Runs]);
    let miss = view.lines[4].miss.as_ref().expect("a reason");
    assert_eq!(miss.reason, "app.js changed since the last build");
    assert_eq!(
        view.summary,
        "3 steps: 2 from the cache, 1 will run. Line 5 will run: app.js changed since the last build."
    );
}

#[test]
fn a_build_that_cannot_begin_keeps_what_was_built_and_names_the_line() {
    let (mut bench, _) = open(SITE);
    build(&mut bench);
    bench.handle(
        Ask::Put {
            files: files(&[("Dockerfile", "FROM scratch\nWORDDIR /x\n")]),
        },
        NOW,
    );
    let view = preview(&mut bench);
    assert_eq!(view.lines[1].state, LineState::Failed);
    assert!(
        view.problems[0].message.contains("did you mean WORKDIR?"),
        "{:?}",
        view.problems
    );
    let answers = build(&mut bench);
    let Some(Answer::Failed(problem)) = answers.last() else {
        panic!("it fails")
    };
    assert_eq!(problem.line, Some(2));
    assert!(log(&answers).contains("Dockerfile:2\n"));
    let Some(Answer::Files(rows)) = bench.handle(built_files(View::Layer(0)), NOW).pop() else {
        panic!("files")
    };
    assert_eq!(rows.last().map(|row| row.path.as_str()), Some("www/index.html"));
}

#[test]
fn a_failing_command_marks_its_line_and_prints_its_output() {
    let (mut bench, _) = open(&[(
        "Dockerfile",
        "FROM alpine:3.9.3\nRUN echo before && false\nRUN echo after\n",
    )]);
    let answers = build(&mut bench);
    let Some(Answer::Failed(problem)) = answers.last() else {
        panic!("it fails")
    };
    assert_eq!(problem.line, Some(2));
    let ends = "process \"/bin/sh -c echo before && false\" did not complete successfully: exit code: 1";
    assert_eq!(problem.message, ends);
    assert!(log(&answers).contains(" before\n"), "{}", log(&answers));
    assert_eq!(bench.next(), Next::Idle);
}

#[test]
fn a_deleted_file_is_hidden_but_still_shipped() {
    let text = "FROM alpine:3.9.3\nCOPY secret /s/\nRUN rm /s/secret\n";
    let (mut bench, _) = open(&[("Dockerfile", text), ("secret", "12345\n")]);
    let built = image(&build(&mut bench));
    assert_eq!(built.layers.len(), 3);
    assert_eq!(
        (built.layers[1].hidden, built.layers[1].hidden_by.as_str()),
        (6, "6 B hidden by line 3")
    );
    assert!(built.simulated && built.layers[0].simulated && built.layers[2].simulated && !built.layers[1].simulated);
    let rows = |bench: &mut Workbench, view| match bench.handle(built_files(view), NOW).pop() {
        Some(Answer::Files(rows)) => rows,
        other => panic!("files, found {other:?}"),
    };
    let deleted = rows(&mut bench, View::Layer(2));
    let row = deleted.iter().find(|row| row.path == "s/secret").expect("the whiteout");
    assert_eq!(row.change, ChangeView::Deleted);
    assert!(rows(&mut bench, View::UpTo(1)).iter().any(|row| row.path == "s/secret"));
    assert!(!rows(&mut bench, View::UpTo(2)).iter().any(|row| row.path == "s/secret"));
    let ask = Ask::Content {
        subject: Subject::Built,
        view: View::Layer(1),
        path: "s/secret".to_owned(),
    };
    let Some(Answer::Content(content)) = bench.handle(ask, NOW).pop() else {
        panic!("content")
    };
    assert_eq!(
        content,
        ContentView::Text {
            text: "12345\n".to_owned(),
            more: false
        }
    );
}

/// The names of files that each layer above the base puts.
fn put_by_layers(text: &str) -> Vec<Vec<String>> {
    let (mut bench, _) = open(&[("Dockerfile", text)]);
    let layers = image(&build(&mut bench)).layers.len();
    let names = |n| match bench.handle(built_files(View::Layer(n)), NOW).pop() {
        Some(Answer::Files(rows)) => rows
            .into_iter()
            .filter(|row| row.kind != "dir")
            .map(|row| row.path)
            .collect(),
        other => panic!("files, found {other:?}"),
    };
    (1..layers).map(names).collect()
}

#[test]
fn a_file_written_again_is_in_both_layers() {
    let layers = put_by_layers("FROM alpine:3.9.3\nRUN echo a > /f\nRUN echo a > /f # again\nRUN touch /f\n");
    assert_eq!(layers, [["f"], ["f"], ["f"]]);
}

#[test]
fn a_name_of_a_linked_file_in_a_lower_layer_is_copied_up_alone() {
    let layers = put_by_layers("FROM alpine:3.9.3\nRUN echo x > /h1 && ln /h1 /h2\nRUN echo y >> /h1\n");
    assert_eq!(layers, [vec!["h1", "h2"], vec!["h1"]]);
}

#[test]
fn another_project_is_not_compared_with_the_last_one() {
    let (mut bench, _) = open(SITE);
    build(&mut bench);
    let other = files(&[
        ("Dockerfile", "FROM scratch\nCOPY other.txt /other/\n"),
        ("other.txt", "x"),
    ]);
    bench.handle(Ask::Open { files: other }, NOW);
    let reason = preview(&mut bench).lines[1]
        .miss
        .as_ref()
        .map(|miss| miss.reason.clone());
    assert_eq!(reason.as_deref(), Some("first build of this step"));
}

#[test]
fn a_cancelled_build_keeps_what_it_made() {
    let (mut bench, _) = open(SITE);
    bench.start(&options(), NOW);
    bench.step(&mut Simulator::new());
    assert!(matches!(bench.cancel().last(), Some(Answer::Failed(_))));
    assert_eq!(bench.next(), Next::Idle);
    assert_eq!(states(&preview(&mut bench))[2], LineState::Cached);
}

#[test]
fn an_archive_is_a_layout_with_the_same_image() {
    let (mut bench, _) = open(SITE);
    let built = image(&build(&mut bench));
    let Some(Answer::Archive { name, bytes }) = bench.handle(Ask::Archive(Subject::Built), NOW).pop() else {
        panic!("an archive")
    };
    assert_eq!(name.rsplit_once('.').map(|(_, end)| end), Some("tar"));
    let mut blobs = store::MemoryBlobs::default();
    let limits = store::Limits::default();
    let loaded = store::layout::load_archive(Box::new(&bytes[..]), None, &limits, &mut blobs).expect("a good archive");
    assert_eq!(loaded[0].image.id().to_string(), built.id);
    assert!(store::validate(&loaded[0].image, &blobs).is_empty());
}

#[test]
fn paths_that_climb_and_projects_that_are_too_large_are_refused() {
    let (mut bench, _) = open(SITE);
    let Some(Answer::Failed(problem)) = bench
        .handle(
            Ask::Put {
                files: files(&[("../out", "x")]),
            },
            NOW,
        )
        .pop()
    else {
        panic!("it is refused")
    };
    assert!(problem.message.contains(".."), "{}", problem.message);
    assert_eq!(preview(&mut bench).project.files.len(), 3);
}

/// Code, line and message of the advice in a preview.
fn advice(preview: &PreviewView) -> Vec<(&str, Option<usize>, &str)> {
    let advice = preview.problems.iter().filter(|problem| problem.severity == "advice");
    advice
        .map(|problem| (problem.code.as_str(), problem.line, problem.message.as_str()))
        .collect()
}

/// The preview that comes with an image.
fn told(answers: &[Answer]) -> PreviewView {
    match &answers[answers.len() - 2] {
        Answer::Preview(view) => view.clone(),
        other => panic!("a preview, found {other:?}"),
    }
}

const NODE: &[(&str, &str)] = &[
    (
        "package.json",
        "{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"express\":\"4.21.2\"}}",
    ),
    (
        "package-lock.json",
        "{\"lockfileVersion\":3,\"packages\":{\"\":{},\"node_modules/express\":{\"version\":\"4.21.2\"}}}",
    ),
    ("src/server.js", "1\n"),
];

#[test]
fn advice_has_its_cost_once_a_build_has_measured_it() {
    let text = (
        "Dockerfile",
        "FROM node:20-alpine\nWORKDIR /app\nCOPY . .\nRUN npm ci\n",
    );
    let (mut bench, before) = open(&[NODE, &[text]].concat());
    let found = advice(&before);
    assert_eq!((found.len(), found[0].0, found[0].1), (1, "cache-order", Some(4)));
    let answers = build(&mut bench);
    let after = told(&answers);
    let found = advice(&after);
    assert!(
        found[0].2.contains(" s and ") && found[0].2.ends_with("(simulated)."),
        "{found:?}"
    );
}

#[test]
fn a_good_order_has_no_advice_before_or_after_its_build() {
    let text = "FROM node:20-alpine\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY src src\n";
    let (mut bench, before) = open(&[NODE, &[("Dockerfile", text)]].concat());
    assert_eq!(advice(&before), []);
    let answers = build(&mut bench);
    assert_eq!(advice(&told(&answers)), []);
}

#[test]
fn advice_of_an_image_goes_when_the_text_is_another() {
    let text = "FROM ubuntu:bionic\nRUN apt-get update && apt-get install -y curl\nRUN apt-get update && apt-get install -y nginx\n";
    let (mut bench, _) = open(&[("Dockerfile", text)]);
    let answers = build(&mut bench);
    let view = told(&answers);
    let found = advice(&view);
    assert!(found.iter().any(|(code, ..)| *code == "lists-left-behind"), "{found:?}");
    assert!(
        found.iter().all(|(.., message)| message.contains(" MB (simulated)")),
        "{found:?}"
    );
    bench.handle(
        Ask::Put {
            files: files(&[("Dockerfile", "FROM ubuntu:bionic\nRUN true\n")]),
        },
        NOW,
    );
    assert_eq!(advice(&preview(&mut bench)), []);
}
