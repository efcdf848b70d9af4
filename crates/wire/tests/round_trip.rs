//! What one end sends, the other receives, run after run.

use builder::{
    Answer, CallAnswer, Done, Echo, ExecuteError, Fidelity, HostCall, Line, MountKind, Output, Purpose, Question,
    RunMount, RunOutcome, RunRequest, ShellState, Sink, SoFar, Then, Turn,
};
use oci::Digest;
use std::collections::BTreeMap;
use store::{Content, Meta, Node, Special, StoreError, Time, Tree, TreePath};
use wire::{Answered, EngineEnd, SessionAsk, ShellEnd, Told, WireError};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("a good path")
}

fn meta(mode: u32) -> Meta {
    Meta {
        mode,
        uid: 7,
        gid: 1000,
        mtime: Time {
            secs: -1,
            nanos: 999_999_999,
        },
        xattrs: BTreeMap::from([("security.capability".to_owned(), vec![0, 1, 255])]),
    }
}

fn blob(text: &str) -> Node {
    let content = Content::Blob {
        digest: Digest::of(text.as_bytes()),
        size: text.len() as u64,
    };
    Node::file(meta(0o4755), content)
}

/// A tree with one of everything.
fn tree() -> Tree {
    let mut tree = Tree::new();
    for dir in ["etc", "usr", "usr/lib", "dev"] {
        tree.insert(&path(dir), Node::dir(meta(0o755)))
            .expect("its parent is there");
    }
    let nodes = [
        ("etc/passwd", blob("root")),
        ("etc/link", Node::symlink(meta(0o777), "../usr")),
        (
            "usr/lib/libc.so",
            Node::file(meta(0o644), Content::Absent { size: u64::MAX }),
        ),
        (
            "dev/null",
            Node::Special {
                meta: meta(0o666),
                kind: Special::Char(1, 3),
            },
        ),
        (
            "dev/sda",
            Node::Special {
                meta: meta(0o660),
                kind: Special::Block(8, 0),
            },
        ),
        (
            "dev/pipe",
            Node::Special {
                meta: meta(0o600),
                kind: Special::Fifo,
            },
        ),
    ];
    for (name, node) in nodes {
        tree.insert(&path(name), node).expect("its parent is there");
    }
    tree.link(&path("etc/passwd"), &path("usr/passwd"))
        .expect("the file is there");
    tree
}

fn request() -> RunRequest {
    RunRequest {
        argv: vec!["/bin/sh".into(), "-c".into(), "echo 'ü'".into()],
        env: vec![("A".into(), "1".into()), ("A".into(), "2".into())],
        cwd: "/usr".into(),
        user: "nobody:7".into(),
        mounts: vec![
            RunMount {
                target: "/a".into(),
                kind: MountKind::Bind {
                    node: blob("context"),
                    read_only: true,
                },
            },
            RunMount {
                target: "/b".into(),
                kind: MountKind::Cache {
                    id: "apt".into(),
                    node: Node::dir(meta(0o700)),
                    read_only: false,
                },
            },
            RunMount {
                target: "/c".into(),
                kind: MountKind::Tmpfs,
            },
            RunMount {
                target: "/d".into(),
                kind: MountKind::Secret {
                    mode: 0o400,
                    uid: 1,
                    gid: 2,
                    bytes: vec![0, 159, 146],
                },
            },
        ],
        network: true,
        now: Time {
            secs: 1_700_000_000,
            nanos: 1,
        },
        purpose: Purpose::Interactive,
        stdin: vec![0, 255, b'\n'],
        hostname: "f00d".into(),
    }
}

fn outcome(tree: Tree) -> RunOutcome {
    RunOutcome {
        tree,
        caches: vec![("apt".into(), blob("index"))],
        exit: -1,
        lasting: Some(vec!["sleep".into(), "infinity".into()]),
        output: vec![Output::out("ü\n"), Output::err(vec![0, 255])],
        millis: 12,
        fidelity: Fidelity::Simulated,
    }
}

/// Sends a run over `before` that leaves `after`; checks both ways and returns the bytes of the call and of the answer.
fn run(engine: &mut EngineEnd, shell: &mut ShellEnd, before: &Tree, after: &Tree) -> (Vec<u8>, Vec<u8>) {
    let call = engine.send(&request(), before).expect("a call");
    let (asked, over) = shell.receive(&call).expect("the call arrives");
    assert_eq!(asked, request());
    assert_eq!(&over, before);
    let answer = shell
        .send(&Ok(outcome(after.clone())), &[vec![1, 2], vec![]])
        .expect("an answer");
    let Answered { result, blobs } = engine.receive(&answer).expect("the answer arrives");
    assert_eq!(result.expect("it went well"), outcome(after.clone()));
    assert_eq!(blobs, [vec![1, 2], vec![]]);
    (call, answer)
}

#[test]
fn a_run_arrives_as_it_was_sent() {
    run(&mut EngineEnd::default(), &mut ShellEnd::default(), &tree(), &tree());
}

#[test]
fn later_runs_send_only_what_changed() {
    let (mut engine, mut shell) = (EngineEnd::default(), ShellEnd::default());
    let mut before = Tree::new();
    for name in 0..1000 {
        before
            .insert(&path(&format!("file-{name}")), blob("x"))
            .expect("the root is there");
    }
    let mut after = before.clone();
    after.mkdir_all(&path("new/dir"), &meta(0o755)).expect("there is room");
    let (first, _) = run(&mut engine, &mut shell, &before, &after);
    let (second, answer) = run(&mut engine, &mut shell, &after, &after);
    assert!(first.len() > 40_000, "{}", first.len());
    assert!(second.len() < 300, "{}", second.len());
    assert!(answer.len() < 150, "{}", answer.len());
}

#[test]
fn hard_links_survive_run_after_run() {
    let (mut engine, mut shell) = (EngineEnd::default(), ShellEnd::default());
    let before = tree();
    let mut after = before.clone();
    after
        .link(&path("usr/passwd"), &path("dev/passwd"))
        .expect("the file is there");
    run(&mut engine, &mut shell, &before, &after);
    let mut later = after.clone();
    later.remove(&path("etc/passwd")).expect("the file is there");
    run(&mut engine, &mut shell, &after, &later);
    run(&mut engine, &mut shell, &before, &later);
}

#[test]
fn a_removed_name_stays_removed() {
    let (mut engine, mut shell) = (EngineEnd::default(), ShellEnd::default());
    let before = tree();
    let mut after = before.clone();
    after.remove(&path("dev")).expect("it is there");
    run(&mut engine, &mut shell, &before, &after);
    run(&mut engine, &mut shell, &after, &before);
}

#[test]
fn both_ends_recover_from_a_run_that_was_refused() {
    let (mut engine, mut shell) = (EngineEnd::default(), ShellEnd::default());
    run(&mut engine, &mut shell, &tree(), &tree());
    for error in [
        ExecuteError::Unsupported { what: "qemu".into() },
        ExecuteError::Store(StoreError::Missing {
            digest: Digest::of(b"a"),
        }),
        ExecuteError::Store(StoreError::Corrupt {
            expected: Digest::of(b"a"),
            found: Digest::of(b"b"),
        }),
    ] {
        let told = error.to_string();
        let call = engine.send(&request(), &tree()).expect("a call");
        shell.receive(&call).expect("the call arrives");
        let answer = shell.send(&Err(error), &[]).expect("an answer");
        let Answered { result, .. } = engine.receive(&answer).expect("the answer arrives");
        assert_eq!(result.expect_err("it was refused").to_string(), told);
    }
    run(&mut engine, &mut shell, &tree(), &Tree::new());
}

#[test]
fn a_shell_that_was_started_anew_says_that_it_is_out_of_step() {
    let mut engine = EngineEnd::default();
    run(&mut engine, &mut ShellEnd::default(), &tree(), &tree());
    let call = engine.send(&request(), &tree()).expect("a call");
    assert!(matches!(ShellEnd::default().receive(&call), Err(WireError::OutOfStep)));
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    let call = EngineEnd::default().send(&request(), &tree()).expect("a call");
    for cut in [0, 1, 7, call.len() / 2, call.len() - 1] {
        assert!(ShellEnd::default().receive(&call[..cut]).is_err(), "cut at {cut}");
    }
    assert!(EngineEnd::default().receive(b"hello").is_err());
}

fn line() -> Line {
    Line {
        text: "docker ps".into(),
        state: ShellState(vec![0, 255]),
        shell: "/bin/bash".into(),
        user: "cloud_user".into(),
        hostname: "workstation".into(),
        env: vec![("A".into(), "ü".into())],
        cwd: "/home".into(),
        now: Time {
            secs: 1_700_000_000,
            nanos: 9,
        },
        columns: 132,
        history: vec!["ls".into()],
        calls: vec!["docker".into()],
    }
}

fn so_far(tree: &Tree) -> SoFar {
    SoFar {
        output: vec![Output::out(vec![0, 200]), Output::err("no\n")],
        tree: tree.clone(),
        millis: 7,
    }
}

/// Every kind of turn that leaves `tree`.
fn turns(tree: &Tree) -> Vec<Turn> {
    let call = |stdin, stdout| {
        Turn::Call(HostCall {
            command: "docker".into(),
            args: vec!["load".into()],
            env: vec![("A".into(), "1".into())],
            cwd: "/".into(),
            user: "root".into(),
            stdin,
            stdout,
            so_far: so_far(tree),
        })
    };
    let done = |then| {
        Turn::Done(Done {
            state: ShellState(vec![1]),
            prompt: "$ ".into(),
            cwd: "/".into(),
            exit: 130,
            then,
            so_far: so_far(tree),
        })
    };
    let ask = |echo| {
        Turn::Ask(Question {
            prompt: "Password: ".into(),
            echo,
            so_far: so_far(tree),
        })
    };
    vec![
        call(Some(vec![0, 255]), Sink::Other),
        call(None, Sink::Terminal),
        ask(Echo::Shown),
        ask(Echo::Hidden),
        Turn::Lasts {
            argv: vec!["sleep".into(), "9".into()],
            so_far: so_far(tree),
        },
        Turn::Unfinished,
        done(Then::Prompt),
        done(Then::Exit),
        done(Then::Become("root".into())),
    ]
}

#[test]
fn sessions_and_runs_share_one_wire() {
    let (mut engine, mut shell) = (EngineEnd::default(), ShellEnd::default());
    let before = tree();
    let mut after = before.clone();
    after.remove(&path("dev")).expect("it is there");
    let asks = |tree: &Tree| {
        [
            SessionAsk::Start(1, line(), tree.clone()),
            SessionAsk::Resume(
                2,
                Answer::Call(CallAnswer {
                    stdout: vec![0, 255],
                    stderr: b"no".to_vec(),
                    exit: -1,
                    millis: 3,
                }),
                tree.clone(),
            ),
            SessionAsk::Resume(3, Answer::Text(Some("yes".into())), tree.clone()),
            SessionAsk::Resume(3, Answer::Text(None), tree.clone()),
            SessionAsk::Abort(4),
        ]
    };
    let mut at = before.clone();
    for turn in turns(&after) {
        for ask in asks(&at) {
            let sent = engine.send_ask(&ask).expect("an ask");
            assert_eq!(shell.receive_ask(&sent).expect("it arrives"), ask);
            let said = shell.send_turn(&Ok(turn.clone()), &[vec![4, 5]]).expect("a turn");
            let Told { result, blobs } = engine.receive_turn(&said).expect("it arrives");
            assert_eq!(result.expect("it went well"), turn);
            assert_eq!(blobs, [vec![4, 5]]);
        }
        run(&mut engine, &mut shell, &after, &before);
        at = after.clone();
    }
    // A refusal leaves the ends without a common tree, and they find to each other again.
    for ask in asks(&at) {
        let sent = engine.send_ask(&ask).expect("an ask");
        shell.receive_ask(&sent).expect("it arrives");
        let refusal = Err(ExecuteError::Unsupported { what: "this".into() });
        let said = shell.send_turn(&refusal, &[]).expect("a refusal");
        assert!(engine.receive_turn(&said).expect("it arrives").result.is_err());
        let sent = engine.send_ask(&SessionAsk::Abort(1)).expect("an ask");
        shell.receive_ask(&sent).expect("it arrives");
        let turn = turns(&after).pop().expect("the last");
        let said = shell.send_turn(&Ok(turn.clone()), &[]).expect("a turn");
        assert_eq!(
            engine
                .receive_turn(&said)
                .expect("it arrives")
                .result
                .expect("it went well"),
            turn
        );
    }
}

#[test]
fn a_turn_over_the_same_tree_is_small() {
    let (mut engine, mut shell) = (EngineEnd::default(), ShellEnd::default());
    let mut tree = Tree::new();
    for name in 0..1000 {
        tree.insert(&path(&format!("file-{name}")), blob("x"))
            .expect("there is room");
    }
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let sent = engine
            .send_ask(&SessionAsk::Start(1, line(), tree.clone()))
            .expect("an ask");
        shell.receive_ask(&sent).expect("it arrives");
        let said = shell.send_turn(&Ok(turns(&tree).remove(0)), &[]).expect("a turn");
        engine.receive_turn(&said).expect("it arrives");
        sizes.push((sent.len(), said.len()));
    }
    assert!(sizes[0].0 > 40_000 && sizes[1].0 < 200, "{sizes:?}");
    assert!(sizes[1].1 < 200, "{sizes:?}");
}
