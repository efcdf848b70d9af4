//! Runs on this machine: nothing is executed without an answer, and what comes back is laid side by side.

use messages::{Comparison, Hello, HostView, ImageRow, NativePlan, RunEvent};

use super::*;

fn met() -> Model {
    let hello = Hello {
        version: "1".to_owned(),
        max_files: 1,
        max_bytes: 1,
    };
    ready().update(native(NativeAction::Meet(hello)))
}

fn native(action: NativeAction) -> Action {
    Action::Native(action)
}

fn plan(hash: &str) -> Action {
    native(NativeAction::Plan(Ok(NativePlan {
        hash: hash.to_owned(),
        ..NativePlan::default()
    })))
}

fn asking(hash: &str) -> Model {
    met().update(native(NativeAction::Run)).update(plan(hash))
}

fn done() -> Action {
    let report = Comparison {
        version: 1,
        ..Comparison::default()
    };
    native(NativeAction::Hear(RunEvent::Done {
        report: Some(Box::new(report)),
    }))
}

#[test]
fn without_a_companion_nothing_is_asked_of_it() {
    let model = ready().update(native(NativeAction::Run));
    assert_eq!((model.native.run, model.calls), (Run::Idle, vec![]));
    assert_eq!(ready().update(Action::ShowUpper(Upper::Local)).calls, []);
}

#[test]
fn nothing_is_executed_before_a_person_agrees() {
    let model = met().update(native(NativeAction::Run));
    assert_eq!(model.calls, [Call::Plan]);
    let model = model.update(plan("a"));
    assert!(matches!(&model.native.run, Run::Asking(plan) if plan.hash == "a"));
    assert_eq!(model.calls, []);
    let declined = model.update(native(NativeAction::Decline));
    assert_eq!(
        (declined.native.run.clone(), declined.calls.clone()),
        (Run::Idle, vec![])
    );
    assert_eq!(declined.update(native(NativeAction::Agree)).calls, []);
    assert_eq!(model.update(native(NativeAction::Agree)).calls, [Call::Go("a".into())]);
}

#[test]
fn the_same_plan_is_asked_about_once_and_another_one_anew() {
    let model = asking("a").update(native(NativeAction::Agree)).update(done());
    let again = model.update(native(NativeAction::Run)).update(plan("a"));
    assert_eq!(again.calls, [Call::Go("a".into())]);
    let other = model.update(native(NativeAction::Run)).update(plan("b"));
    assert!(matches!(other.native.run, Run::Asking(_)));
    assert_eq!(other.calls, []);
}

#[test]
fn a_late_plan_starts_nothing() {
    let model = met().update(plan("a"));
    assert_eq!((model.native.run.clone(), model.calls.clone()), (Run::Idle, vec![]));
    let running = asking("a").update(native(NativeAction::Agree));
    assert_eq!(running.update(plan("a")).calls, []);
    assert_eq!(running.update(native(NativeAction::Run)).calls, []);
}

#[test]
fn a_run_tells_its_steps_and_ends_with_a_report() {
    let hear = |event| native(NativeAction::Hear(event));
    let model = asking("a")
        .update(native(NativeAction::Agree))
        .update(hear(RunEvent::Begun {
            number: 1,
            title: "[1/1] RUN x".to_owned(),
        }))
        .update(hear(RunEvent::Log {
            number: 1,
            text: "0.1 out".to_owned(),
        }))
        .update(hear(RunEvent::Ended {
            number: 1,
            how: "done".to_owned(),
            text: "0.2s".to_owned(),
        }));
    let log: Vec<&str> = model.native.log.iter().map(|line| &**line).collect();
    assert_eq!(log, ["#1 [1/1] RUN x", "#1 0.1 out", "#1 DONE 0.2s"]);
    assert!(matches!(&model.native.run, Run::Running { doing, .. } if &**doing == "[1/1] RUN x"));
    let ended = model.update(done());
    assert_eq!(ended.native.run, Run::Done);
    assert!(ended.native.report.is_some());
    assert_eq!(ended.calls, [Call::List]);
}

#[test]
fn a_run_is_cancelled_by_its_hash_and_says_why_it_failed() {
    let model = asking("a")
        .update(native(NativeAction::Agree))
        .update(native(NativeAction::Cancel));
    assert_eq!(model.calls, [Call::Stop("a".into())]);
    assert!(matches!(model.native.run, Run::Running { stopping: true, .. }));
    let failed = RunEvent::Failed {
        message: "cancelled".to_owned(),
        report: None,
    };
    assert_eq!(
        model.update(native(NativeAction::Hear(failed))).native.run,
        Run::Failed("cancelled".into())
    );
}

#[test]
fn one_image_moves_at_a_time() {
    let model = met().update(native(NativeAction::Pull("busybox".into())));
    assert_eq!(model.calls, [Call::Pull("busybox".into())]);
    assert_eq!(model.update(native(NativeAction::Push("a".into()))).calls, []);
    let failed = RunEvent::Failed {
        message: "no such image".to_owned(),
        report: None,
    };
    let model = model.update(native(NativeAction::Move(failed)));
    assert_eq!(model.native.moving, None);
    assert_eq!(model.trouble.as_deref(), Some("Pulling busybox: no such image"));
}

#[test]
fn an_image_of_this_machine_is_looked_into_once_it_is_loaded() {
    let id = format!("sha256:{}", "7".repeat(64));
    let model = met().update(native(NativeAction::Open(id.as_str().into())));
    assert_eq!(model.calls, [Call::Save(id.as_str().into())]);
    let model = model.update(native(NativeAction::Move(RunEvent::Done { report: None })));
    let model = model.update(Action::Load("x.tar".to_owned(), 10));
    let load = model.asks.last().map(|request| request.id).expect("it is loaded");
    let host = HostView {
        images: vec![ImageRow {
            id: id.clone(),
            ..ImageRow::default()
        }],
        ..HostView::default()
    };
    let model = model.update(reply(load, Answer::Machines(vec![host])));
    assert!(model.asks.iter().any(|request| request.ask
        == Ask::Inspect(Subject::Image {
            host: 0,
            id: id.clone()
        })));
}

#[test]
fn a_report_from_a_file_is_shown_and_one_of_another_version_refused() {
    let report = |version| Comparison {
        version,
        ..Comparison::default()
    };
    let shown = ready().update(native(NativeAction::ShowReport("r.json".into(), report(1))));
    assert_eq!(shown.machines.lower, Lower::Native);
    assert!(shown.native.report.is_some());
    let refused = ready().update(native(NativeAction::ShowReport("r.json".into(), report(2))));
    assert_eq!(refused.native.report, None);
    assert!(
        refused
            .trouble
            .is_some_and(|why| why.contains("expected a preview report of version 1, found version 2"))
    );
}
