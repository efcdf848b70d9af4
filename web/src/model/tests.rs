//! The model as a whole: what an action changes, and what it asks of the worker.

use messages::{
    Answer, Ask, ChangeView, FileRow, ImageView, LayerView, LineState, LineView, PreviewView, Problem, Reply, Subject,
    View,
};

use super::*;

mod machines;
mod native;

fn project(dockerfile: &str) -> Project {
    Project::of([
        ("Dockerfile".to_owned(), SourceFile::text(dockerfile)),
        ("index.html".to_owned(), SourceFile::text("<h1>hello</h1>")),
    ])
}

const TEXT: &str = "FROM ubuntu:bionic\nRUN one\nCOPY index.html ./\n";

/// A page whose worker is there; its first questions are asked.
fn ready() -> Model {
    let model = Model::new(project(TEXT));
    model.update(reply(
        0,
        Answer::Ready {
            version: "1".to_owned(),
            images: Vec::new(),
        },
    ))
}

fn reply(id: u32, answer: Answer) -> Action {
    Action::Reply(Reply { id, answer })
}

fn cell(line: usize, state: LineState) -> LineView {
    LineView {
        lines: (line, line),
        state,
        ..LineView::default()
    }
}

fn preview(cells: &[(usize, LineState)]) -> Answer {
    let lines = cells.iter().map(|(line, state)| cell(*line, *state)).collect();
    Answer::Preview(PreviewView {
        lines,
        summary: "3 steps".to_owned(),
        ..PreviewView::default()
    })
}

fn kinds(model: &Model) -> Vec<&'static str> {
    let kind = |request: &Request| match request.ask {
        Ask::Open { .. } => "open",
        Ask::Put { .. } => "put",
        Ask::Remove { .. } => "remove",
        Ask::Preview(_) => "preview",
        Ask::Build(_) => "build",
        Ask::Cancel => "cancel",
        Ask::ForgetCache => "forget",
        Ask::Files { .. } => "files",
        Ask::Content { .. } => "content",
        Ask::Archive(_) => "archive",
        Ask::Inspect(_) => "inspect",
        Ask::Look => "look",
        Ask::Type { .. } => "type",
        Ask::Complete { .. } => "complete",
        Ask::Save { .. } => "save",
        Ask::LeaveEditor { .. } => "leave",
        Ask::Load { .. } => "load",
    };
    model.asks.iter().map(kind).collect()
}

fn built_files(view: View) -> Ask {
    Ask::Files {
        subject: Subject::Built,
        view,
    }
}

fn last_id(model: &Model) -> u32 {
    model.asks.last().expect("something was asked").id
}

fn states(model: &Model) -> Vec<(usize, LineState)> {
    model.tape.iter().map(|cell| (cell.lines.0, cell.state)).collect()
}

fn image() -> ImageView {
    let layer = |line: Option<usize>| LayerView {
        line,
        base: line.is_none(),
        ..LayerView::default()
    };
    ImageView {
        layers: vec![layer(None), layer(Some(2)), layer(Some(3))],
        ran: 2,
        ..ImageView::default()
    }
}

/// A page that has built its image; returns it with the number of the request for files.
fn built() -> (Model, u32) {
    let model = ready().update(Action::Build);
    let build = last_id(&model);
    let model = model.update(reply(build, Answer::Line(cell(1, LineState::Base))));
    let model = model.update(reply(build, Answer::Built(Box::new(image()))));
    let files = last_id(&model);
    (model, files)
}

#[test]
fn a_worker_that_is_ready_is_told_everything_once() {
    let model = ready();
    assert_eq!(kinds(&model), ["look", "open", "preview"]);
    assert_eq!(kinds(&model.update(Action::Settle)), Vec::<&str>::new());
}

#[test]
fn typing_is_answered_after_a_pause_with_what_changed_only() {
    let typed = ready().update(Action::Type("FROM scratch\n".to_owned()));
    assert!(typed.asks.is_empty() && !typed.settled);
    let settled = typed.update(Action::Settle);
    assert_eq!(kinds(&settled), ["put"]);
    let Ask::Put { files } = &settled.asks[0].ask else {
        panic!("expected Put first")
    };
    assert_eq!(
        files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
        ["Dockerfile"]
    );
}

#[test]
fn typing_before_the_worker_is_there_is_not_lost() {
    let model = Model::new(project(TEXT))
        .update(Action::Type("FROM a\n".to_owned()))
        .update(Action::Settle);
    assert!(model.asks.is_empty());
    let model = model.update(reply(
        0,
        Answer::Ready {
            version: String::new(),
            images: Vec::new(),
        },
    ));
    let Ask::Open { files } = &model.asks[1].ask else {
        panic!("expected Open first")
    };
    assert_eq!(files[0].bytes, b"FROM a\n");
}

#[test]
fn only_the_newest_preview_counts() {
    let model = ready();
    let first = last_id(&model);
    let model = model
        .update(Action::Type(format!("{TEXT}CMD a\n")))
        .update(Action::Settle);
    let second = last_id(&model);
    let late = model.update(reply(first, preview(&[(1, LineState::Cached)])));
    assert_eq!(states(&late), []);
    let model = model.update(reply(second, preview(&[(1, LineState::Base)])));
    assert_eq!(states(&model), [(1, LineState::Base)]);
}

#[test]
fn other_options_need_a_preview_of_their_own() {
    let model = ready().update(Action::Type("FROM scratch\n".to_owned()));
    let options = Options {
        target: "test".to_owned(),
        ..model.project.options.clone()
    };
    assert_eq!(
        kinds(&model.update(Action::SetOptions(options)).update(Action::Settle)),
        ["put", "preview"]
    );
}

#[test]
fn another_project_is_opened_anew() {
    let model = ready()
        .update(Action::Replace(project("FROM other\n"), "other".to_owned()))
        .update(Action::Settle);
    assert_eq!(kinds(&model), ["open"]);
}

#[test]
fn cells_are_old_until_the_worker_has_answered() {
    let model = ready();
    assert!(!model.is_fresh());
    let id = last_id(&model);
    let model = model.update(reply(id, preview(&[(1, LineState::Base)])));
    assert!(model.is_fresh());
    let model = model
        .update(Action::Type(format!("{TEXT}CMD a\n")))
        .update(Action::Settle);
    assert!(!model.is_fresh());
}

#[test]
fn cells_move_with_their_lines_while_one_types() {
    let model = ready();
    let id = last_id(&model);
    let model = model.update(reply(
        id,
        preview(&[(1, LineState::Base), (2, LineState::Runs), (3, LineState::Cached)]),
    ));
    let typed = model.update(Action::Type(TEXT.replace("RUN one", "# why\nRUN two")));
    assert_eq!(states(&typed), [(1, LineState::Base), (4, LineState::Cached)]);
}

#[test]
fn a_preview_of_an_older_text_is_moved_to_the_present_one() {
    let model = ready();
    let id = last_id(&model);
    let typed = model.update(Action::Type(format!("# a comment\n{TEXT}")));
    let model = typed.update(reply(id, preview(&[(1, LineState::Base), (3, LineState::Runs)])));
    assert_eq!(states(&model), [(2, LineState::Base), (4, LineState::Runs)]);
}

#[test]
fn a_finding_keeps_its_mend_at_the_right_bytes() {
    let model = ready();
    let id = last_id(&model);
    let fix = Some(("write COPY".to_owned(), vec![(27, 31, "ADD".to_owned())]));
    let problem = Problem {
        line: Some(3),
        span: Some((27, 31)),
        message: "advice".to_owned(),
        fix,
        ..Problem::default()
    };
    let found = Answer::Preview(PreviewView {
        problems: vec![problem],
        ..PreviewView::default()
    });
    let model = model
        .update(reply(id, found))
        .update(Action::Type(format!("# ä\n{TEXT}")));
    let moved = model.findings[0].clone();
    let model = model.update(Action::Fix(moved));
    assert_eq!(&*model.text, "# ä\nFROM ubuntu:bionic\nRUN one\nADD index.html ./\n");
}

#[test]
fn building_sends_the_last_edit_first() {
    let model = ready()
        .update(Action::Type("FROM scratch\n".to_owned()))
        .update(Action::Build);
    assert_eq!(kinds(&model), ["put", "build"]);
    assert!(model.is_building());
    assert_eq!(kinds(&model.update(Action::Build)), Vec::<&str>::new());
}

#[test]
fn a_preview_does_not_overwrite_the_cells_of_a_running_build() {
    let model = ready();
    let asked = last_id(&model);
    let model = model.update(Action::Build);
    let build = last_id(&model);
    let model = model.update(reply(build, Answer::Line(cell(2, LineState::Running))));
    let model = model.update(reply(asked, preview(&[(2, LineState::Cached)])));
    assert_eq!(states(&model), [(2, LineState::Running)]);
}

#[test]
fn a_built_image_shows_its_newest_layer() {
    let (model, files) = built();
    assert_eq!(
        model.selection,
        Selection {
            line: Some(3),
            layer: Some(2),
            path: None
        }
    );
    assert_eq!(model.asks[0].ask, built_files(View::Layer(2)));
    let model = model.update(reply(files, Answer::Files(vec![FileRow::default()])));
    assert!(matches!(model.files, Load::Here(_)));
}

#[test]
fn selecting_a_line_selects_its_layer_and_the_other_way_round() {
    let (model, _) = built();
    let by_line = model.update(Action::SelectLine(2));
    assert_eq!(by_line.selection.layer, Some(1));
    assert_eq!(by_line.asks[0].ask, built_files(View::Layer(1)));
    let by_layer = model.update(Action::SelectLayer(1));
    assert_eq!(by_layer.selection.line, Some(2));
    let base = model.update(Action::SelectLayer(0));
    assert_eq!(base.selection.line, Some(1));
}

#[test]
fn a_layer_is_found_by_its_line_after_lines_were_added_above() {
    let (model, _) = built();
    let model = model
        .update(Action::Type(format!("# one\n# two\n{TEXT}")))
        .update(Action::SelectLine(4));
    assert_eq!(model.selection.layer, Some(1));
    assert!(model.is_image_old());
}

#[test]
fn files_of_a_layer_that_is_no_longer_selected_are_dropped() {
    let (model, first) = built();
    let model = model.update(Action::SelectLayer(0));
    let late = model.update(reply(first, Answer::Files(vec![FileRow::default()])));
    assert_eq!(late.files, Load::Loading);
}

#[test]
fn the_whole_filesystem_is_another_question() {
    let (model, _) = built();
    let model = model.update(Action::ShowScope(Scope::UpTo));
    assert_eq!(model.asks[0].ask, built_files(View::UpTo(2)));
    assert!(model.update(Action::ShowScope(Scope::UpTo)).asks.is_empty());
}

#[test]
fn a_file_is_read_and_a_directory_is_not() {
    let (model, files) = built();
    let row = |path: &str, kind: &str| FileRow {
        path: path.to_owned(),
        kind: kind.to_owned(),
        ..FileRow::default()
    };
    let rows = vec![row("var", "dir"), row("var-log", "file"), row("var/x", "file")];
    let model = model.update(reply(files, Answer::Files(rows)));
    let Load::Here(rows) = &model.files else {
        panic!("the files are here")
    };
    assert_eq!(
        rows.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(),
        ["var", "var/x", "var-log"]
    );
    assert!(model.update(Action::SelectPath("var".into())).asks.is_empty());
    let asked = model.update(Action::SelectPath("var/x".into()));
    assert_eq!(
        asked.asks[0].ask,
        Ask::Content {
            subject: Subject::Built,
            view: View::Layer(2),
            path: "var/x".to_owned()
        }
    );
}

#[test]
fn a_deleted_file_has_no_content_to_ask_for() {
    let (model, files) = built();
    let row = FileRow {
        path: "gone".to_owned(),
        kind: "file".to_owned(),
        change: ChangeView::Deleted,
        ..FileRow::default()
    };
    let model = model
        .update(reply(files, Answer::Files(vec![row])))
        .update(Action::SelectPath("gone".into()));
    assert!(model.asks.is_empty());
    assert_eq!(model.selection.path.as_deref(), Some("gone"));
}

#[test]
fn the_matrix_asks_for_every_layer_but_the_base() {
    let (model, _) = built();
    let model = model.update(Action::Show(Inside::Matrix));
    assert_eq!(kinds(&model), ["files", "files"]);
    let ids: Vec<u32> = model.asks.iter().map(|request| request.id).collect();
    let model = ids
        .iter()
        .fold(model, |model, id| model.update(reply(*id, Answer::Files(Vec::new()))));
    assert_eq!(model.matrix[0], Load::Nothing);
    assert!(matches!(model.matrix[1], Load::Here(_)) && matches!(model.matrix[2], Load::Here(_)));
}

#[test]
fn a_failed_build_keeps_its_reason_and_the_image_before_it() {
    let (model, _) = built();
    let model = model.update(Action::Build);
    let id = last_id(&model);
    let problem = Problem {
        line: Some(2),
        message: "exit code: 1".to_owned(),
        ..Problem::default()
    };
    let model = model.update(reply(id, Answer::Failed(problem)));
    assert!(matches!(&model.build, Build::Failed(problem) if problem.line == Some(2)));
    assert!(model.image.is_some());
}

#[test]
fn a_worker_that_stops_is_told_everything_again() {
    let (model, _) = built();
    let model = model.update(Action::Build).update(reply(
        0,
        Answer::Failed(Problem {
            message: "out of memory".to_owned(),
            ..Problem::default()
        }),
    ));
    assert!(matches!(model.engine, Engine::Failed(_)) && matches!(model.build, Build::Failed(_)));
    let model = model.update(Action::EngineRestarted);
    let model = model.update(reply(
        0,
        Answer::Ready {
            version: String::new(),
            images: Vec::new(),
        },
    ));
    assert_eq!(kinds(&model), ["look", "open", "preview"]);
}

#[test]
fn an_example_can_be_taken_back() {
    let model = ready().update(Action::Type("FROM mine\n".to_owned()));
    let other = model.update(Action::Replace(project("FROM other\n"), "other".to_owned()));
    assert_eq!(&*other.text, "FROM other\n");
    let back = other.update(Action::Undo);
    assert_eq!(&*back.text, "FROM mine\n");
    assert!(back.before.is_none());
}

#[test]
fn files_are_added_renamed_and_deleted() {
    let model = ready().update(Action::AddFile("src/a.txt".to_owned()));
    assert_eq!(&*model.open, "src/a.txt");
    let model = model.update(Action::RenameFile("src/a.txt".into(), "b.txt".to_owned()));
    assert_eq!(&*model.open, "b.txt");
    let model = model.update(Action::RemoveFile("b.txt".into()));
    assert_eq!(&*model.open, "Dockerfile");
    assert_eq!(model.project.files.len(), 2);
}

#[test]
fn a_path_that_is_taken_or_climbs_is_refused_with_a_reason() {
    for path in ["index.html", "../x", ""] {
        let model = ready().update(Action::AddFile(path.to_owned()));
        assert_eq!(model.project.files.len(), 2, "{path:?}");
        assert!(model.trouble.is_some(), "{path:?}");
    }
}

#[test]
fn the_dockerfile_cannot_be_deleted_but_renamed() {
    let model = ready().update(Action::RemoveFile("Dockerfile".into()));
    assert_eq!(model.project.files.len(), 2);
    let model = model.update(Action::RenameFile("Dockerfile".into(), "build/Dockerfile".to_owned()));
    assert_eq!(model.project.options.dockerfile, "build/Dockerfile");
    assert_eq!(&*model.text, TEXT);
}

#[test]
fn editing_another_file_leaves_the_cells() {
    let model = ready();
    let id = last_id(&model);
    let model = model
        .update(reply(id, preview(&[(1, LineState::Base)])))
        .update(Action::OpenFile("index.html".into()));
    let model = model.update(Action::Type("<h1>bye</h1>".to_owned()));
    assert_eq!(states(&model), [(1, LineState::Base)]);
    assert_eq!(kinds(&model.update(Action::Settle)), ["put"]);
}

#[test]
fn a_long_log_keeps_its_end() {
    let model = ready().update(Action::Build);
    let id = last_id(&model);
    let text = (0..MAX_LOG + 10)
        .map(|n| format!("line {n}"))
        .collect::<Vec<_>>()
        .join("\n");
    let model = model.update(reply(id, Answer::Log(text)));
    assert_eq!(model.log.len(), MAX_LOG);
    assert_eq!(
        model.log.last().map(|line| &**line),
        Some(format!("line {}", MAX_LOG + 9).as_str())
    );
}

#[test]
fn a_problem_that_both_find_is_listed_once() {
    let model = Model::new(project("FROM scratch\nWORDDIR /x\n"));
    let own = model.reading.problems.clone();
    assert!(!own.is_empty());
    let model = model.update(reply(
        0,
        Answer::Ready {
            version: String::new(),
            images: Vec::new(),
        },
    ));
    let id = last_id(&model);
    let model = model.update(reply(
        id,
        Answer::Preview(PreviewView {
            problems: own.clone(),
            ..PreviewView::default()
        }),
    ));
    assert_eq!(model.problems().len(), own.len());
}
