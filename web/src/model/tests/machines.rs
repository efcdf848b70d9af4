//! The hosts in the model: what is asked for them, and what their answers change.

use messages::{FileInput, HostView, ImageRow, Input, LayerView, TerminalView, Wants, WireRow};

use super::*;

fn prompt() -> Wants {
    Wants::Prompt("~ $ ".to_owned())
}

fn says(host: usize, text: &str, wants: Wants) -> Answer {
    Answer::Terminal(TerminalView {
        host,
        text: text.to_owned(),
        wants,
        ..TerminalView::default()
    })
}

fn hosts() -> Answer {
    let host = |name: &str| HostView {
        name: name.to_owned(),
        ..HostView::default()
    };
    Answer::Machines(vec![host("workstation"), host("registry")])
}

/// A page whose two hosts wait for commands.
fn met() -> Model {
    let model = ready();
    let look = model.asks[0].id;
    model
        .update(reply(look, hosts()))
        .update(reply(look, says(0, "", prompt())))
        .update(reply(look, says(1, "", prompt())))
}

fn typed(model: &Model, command: &str) -> Model {
    model.update(Action::Press(0, Line::of(command), Key::Enter))
}

fn wants(model: &Model, host: usize) -> Wants {
    model.machines.terminals[host].wants.clone()
}

fn screen(model: &Model, host: usize) -> Vec<String> {
    let chunks = model.machines.terminals[host].screen.chunks.iter();
    chunks
        .flat_map(|chunk| chunk.rows.clone())
        .map(|row| row.iter().map(|span| span.text.as_str()).collect())
        .collect()
}

fn an_image() -> Subject {
    Subject::Image {
        host: 0,
        id: "sha256:1".to_owned(),
    }
}

fn inspected(subject: Subject) -> Answer {
    let layer = LayerView {
        base: true,
        ..LayerView::default()
    };
    Answer::Inspected {
        subject,
        image: Box::new(ImageView {
            tag: "alpine:3.9".to_owned(),
            layers: vec![layer],
            ..ImageView::default()
        }),
    }
}

#[test]
fn a_line_goes_to_its_host() {
    let model = typed(&met(), "docker ps");
    assert_eq!(
        model.asks[0].ask,
        Ask::Type {
            host: 0,
            input: Input::Line("docker ps".to_owned())
        }
    );
    assert_eq!((wants(&model, 0), wants(&model, 1)), (Wants::Nothing, prompt()));
}

#[test]
fn an_answer_that_lets_the_next_line_go_sends_it() {
    let model = typed(&met(), "a");
    let id = last_id(&model);
    let model = typed(&model, "b").update(reply(id, says(0, "said\n", prompt())));
    assert_eq!(kinds(&model), ["type"]);
    assert_eq!(screen(&model, 0), ["~ $ a", "said", "~ $ b"]);
}

#[test]
fn a_look_from_before_a_line_does_not_free_its_terminal() {
    let model = met().update(Action::ShowUpper(Upper::Images));
    let ran = typed(&model, "a");
    let id = last_id(&ran);
    let model = ran.update(reply(id, says(0, "", prompt())));
    assert_eq!(kinds(&model), ["look"]);
    let look = last_id(&model);
    let model = typed(&model, "sleep 9").update(reply(look, says(0, "", prompt())));
    assert_eq!(wants(&model, 0), Wants::Nothing);
}

#[test]
fn hosts_are_looked_at_anew_after_a_command_only_where_they_are_shown() {
    let ran = |model: &Model| {
        let model = typed(model, "docker pull alpine");
        let id = last_id(&model);
        model.update(reply(id, says(0, "", prompt())))
    };
    let hidden = ran(&met());
    assert_eq!(kinds(&hidden), Vec::<&str>::new());
    assert_eq!(kinds(&hidden.update(Action::ShowUpper(Upper::Containers))), ["look"]);
    let shown = met().update(Action::ShowUpper(Upper::Sharing));
    assert_eq!(kinds(&shown), Vec::<&str>::new());
    assert_eq!(kinds(&ran(&shown)), ["look"]);
}

#[test]
fn an_image_of_a_host_is_looked_into_and_left_again() {
    let (model, _) = built();
    let asked = model.update(Action::Inspect(an_image()));
    let id = last_id(&asked);
    let model = asked.update(reply(id, inspected(an_image())));
    assert_eq!(model.image.as_ref().map(|image| image.tag.as_str()), Some("alpine:3.9"));
    assert_eq!(
        model.asks[0].ask,
        Ask::Files {
            subject: an_image(),
            view: View::Layer(0)
        }
    );
    // Its layers are no lines of this Dockerfile, and it does not grow old with it.
    assert_eq!(model.line_of(0), None);
    assert_eq!(model.layer_of(2), None);
    assert!(!model.update(Action::Type("FROM x\n".to_owned())).is_image_old());
    let back = model.update(Action::Inspect(Subject::Built));
    assert_eq!(back.image, back.built);
    assert_eq!(back.line_of(2), Some(3));
    assert_eq!(kinds(&back), ["files"]);
}

#[test]
fn a_late_image_does_not_take_the_place_of_the_one_asked_for_since() {
    let first = met().update(Action::Inspect(an_image()));
    let late = last_id(&first);
    let second = first.update(Action::Inspect(Subject::Container {
        host: 0,
        id: "c".to_owned(),
    }));
    assert_eq!(second.update(reply(late, inspected(an_image()))).image, None);
}

#[test]
fn an_offered_command_is_typed_and_run() {
    let offer = of_image(&ImageRow {
        repository: "alpine".to_owned(),
        tag: "3.9".to_owned(),
        ..ImageRow::default()
    });
    let history = offer
        .iter()
        .find(|offer| offer.label == "History")
        .expect("it is offered");
    let model = met().update(Action::TypeOffer(1, history.clone()));
    assert_eq!(screen(&model, 1), ["~ $ docker image history alpine:3.9"]);
    assert_eq!((model.machines.lower, model.machines.host), (Lower::Terminal, 1));
    let remove = offer
        .iter()
        .find(|offer| offer.label == "Remove")
        .expect("it is offered");
    let model = met().update(Action::TypeOffer(0, remove.clone()));
    assert!(model.asks.is_empty());
    assert_eq!(model.machines.terminals[0].line.text, "docker image rm alpine:3.9");
    assert_eq!(model.machines.focus, 1);
}

#[test]
fn nothing_is_typed_into_a_busy_terminal() {
    let busy = typed(&met(), "sleep 9");
    let offer = of_image(&ImageRow::default()).remove(1);
    let model = busy.update(Action::TypeOffer(0, offer));
    assert!(model.asks.is_empty());
    assert!(model.status.contains("workstation is busy"), "{}", model.status);
}

#[test]
fn a_file_is_edited_and_saved() {
    let model = typed(&met(), "vi a");
    let id = last_id(&model);
    let edit = Answer::Edit {
        host: 0,
        path: "/root/a".to_owned(),
        text: "old".to_owned(),
    };
    let model = model.update(reply(id, edit));
    assert!(model.machines.terminals[0].editing.is_some());
    let saved = model.update(Action::LeaveEditor(0, Some("new".to_owned())));
    assert_eq!(
        saved.asks[0].ask,
        Ask::Save {
            host: 0,
            path: "/root/a".to_owned(),
            text: "new".to_owned()
        }
    );
    assert_eq!(saved.machines.terminals[0].editing, None);
    assert_eq!(kinds(&model.update(Action::LeaveEditor(0, None))), ["leave"]);
    assert_eq!(kinds(&saved.update(Action::LeaveEditor(0, None))), Vec::<&str>::new());
}

#[test]
fn the_editor_is_told_before_a_command_runs() {
    let edited = met().update(Action::Type("FROM scratch\n".to_owned()));
    let model = typed(&edited, "docker build .");
    assert_eq!(kinds(&model), ["put", "type"]);
}

fn edited(files: &[(&str, &str)], removed: &[&str]) -> Answer {
    let file = |(path, text): &(&str, &str)| FileInput {
        path: (*path).to_owned(),
        mode: 0o644,
        bytes: text.as_bytes().to_vec(),
    };
    Answer::Edited {
        files: files.iter().map(file).collect(),
        removed: removed.iter().map(|path| (*path).to_owned()).collect(),
    }
}

#[test]
fn what_a_command_does_to_the_files_is_in_the_editor_and_not_told_back() {
    let model = typed(&met(), "vi Dockerfile");
    let id = last_id(&model);
    let model = model.update(reply(id, edited(&[("Dockerfile", "FROM scratch\n")], &["index.html"])));
    assert_eq!(&*model.text, "FROM scratch\n");
    assert!(!model.project.files.contains_key("index.html"));
    assert_eq!(kinds(&model.update(Action::Settle)), Vec::<&str>::new());
    let model = model.update(reply(id, preview(&[(1, LineState::Base)])));
    assert!(model.is_fresh());
    assert_eq!(states(&model), [(1, LineState::Base)]);
}

#[test]
fn what_is_typed_while_a_command_changes_files_is_kept_and_told() {
    let model = typed(&met(), "touch new");
    let id = last_id(&model);
    let model = model
        .update(Action::Type("FROM typed\n".to_owned()))
        .update(reply(id, edited(&[("new", "")], &[])));
    assert_eq!(&*model.text, "FROM typed\n");
    let settled = model.update(Action::Settle);
    let Ask::Put { files } = &settled.asks[0].ask else {
        panic!("expected Put, found {:?}", settled.asks)
    };
    assert_eq!(
        files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
        ["Dockerfile"]
    );
}

#[test]
fn an_open_file_that_a_command_removes_gives_way_to_the_dockerfile() {
    let model = met().update(Action::OpenFile("index.html".into()));
    let model = model.update(reply(9, edited(&[], &["index.html"])));
    assert!(model.shows_dockerfile());
}

#[test]
fn completions_are_taken_for_the_last_question_only() {
    let asked = met().update(Action::Press(0, Line::of("docker im"), Key::Tab));
    let id = last_id(&asked);
    let answer = Answer::Completions {
        host: 0,
        start: 7,
        words: vec!["image ".to_owned()],
    };
    assert_eq!(
        asked.update(reply(id + 7, answer.clone())).machines.terminals[0]
            .line
            .text,
        "docker im"
    );
    assert_eq!(
        asked.update(reply(id, answer)).machines.terminals[0].line.text,
        "docker image "
    );
}

#[test]
fn requests_on_the_wire_are_added_up() {
    let row = WireRow {
        sent_bytes: 5,
        ..WireRow::default()
    };
    let model = met()
        .update(reply(3, Answer::Wire(vec![row.clone()])))
        .update(reply(3, Answer::Wire(vec![row])));
    assert_eq!((model.machines.wire.n_rows, model.machines.wire.sent_bytes), (2, 10));
}

#[test]
fn an_archive_is_loaded_into_the_host_that_is_shown() {
    let model = met()
        .update(Action::ShowHost(1))
        .update(Action::Load("a.tar".to_owned(), 9_000));
    let Ask::Load { host: 1, name, .. } = &model.asks[0].ask else {
        panic!("expected Load, found {:?}", model.asks)
    };
    assert_eq!(name, "a.tar");
    let id = last_id(&model);
    let told = Answer::Progress {
        done: 1,
        total: 9,
        doing: String::new(),
    };
    let model = model.update(reply(id, told));
    assert_eq!(
        model.machines.arriving.as_ref().and_then(|arriving| arriving.read),
        Some((1, 9))
    );
    let loaded = model.update(reply(id, hosts()));
    assert_eq!(
        (&loaded.machines.arriving, loaded.machines.upper),
        (&None, Upper::Images)
    );
    let refused = model.update(reply(
        id,
        Answer::Failed(Problem {
            message: "unexpected EOF".to_owned(),
            ..Problem::default()
        }),
    ));
    assert_eq!(refused.machines.arriving, None);
    assert_eq!(
        refused.trouble.as_deref(),
        Some("The archive was not loaded, and nothing has changed: unexpected EOF.")
    );
}

#[test]
fn an_engine_that_comes_back_keeps_what_was_said_and_typed() {
    let model = typed(&met(), "docker ps").update(Action::EngineFailed("gone".to_owned()));
    assert_eq!(wants(&model, 0), Wants::Nothing);
    assert!(typed(&model, "x").asks.is_empty());
    let again = model.update(Action::EngineRestarted).update(reply(
        0,
        Answer::Ready {
            version: String::new(),
            images: Vec::new(),
        },
    ));
    assert_eq!(kinds(&again), ["look", "open", "preview"]);
    assert_eq!(screen(&again, 0)[0], "~ $ docker ps");
    assert_eq!(*again.machines.terminals[0].history.commands, ["docker ps"]);
}

#[test]
fn a_command_that_the_worker_refuses_frees_the_terminal() {
    let model = typed(&met(), "x");
    let id = last_id(&model);
    let model = model.update(reply(
        id,
        Answer::Failed(Problem {
            message: "no".to_owned(),
            ..Problem::default()
        }),
    ));
    assert_eq!(screen(&model, 0), ["~ $ x", "no"]);
    assert_eq!(kinds(&model), ["look"]);
    let look = last_id(&model);
    assert_eq!(wants(&model.update(reply(look, says(0, "", prompt()))), 0), prompt());
}

#[test]
fn a_host_that_is_not_there_is_not_made() {
    let model = met().update(reply(1, says(usize::MAX, "x", prompt())));
    assert_eq!(model.machines.terminals.len(), 2);
}

#[test]
fn a_build_shows_its_log() {
    let model = met().update(Action::ShowLower(Lower::Terminal)).update(Action::Build);
    assert_eq!(model.machines.lower, Lower::Log);
}
