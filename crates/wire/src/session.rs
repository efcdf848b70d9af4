//! Lines, answers and turns as bytes.

use crate::WireError;
use crate::run::{WireOutput, WireRefusal, decode_output, decode_refusal, encode_output, encode_refusal};
use crate::tree::{WireNode, decode_tree, encode_tree};
use builder::{
    Answer, CallAnswer, Done, Echo, ExecuteError, HostCall, Line, Question, SessionId, ShellState, Sink, SoFar, Then,
    Turn,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use store::{Time, Tree};

/// What a session is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionAsk {
    /// To run a line over a tree.
    Start(SessionId, Line, Tree),
    /// To go on with an answer, over a tree.
    Resume(SessionId, Answer, Tree),
    /// To break off. The answer is [`Turn::Done`], or a refusal if nothing runs.
    Abort(SessionId),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireAsk {
    id: SessionId,
    /// True if trees are told by their difference from the one that passed last.
    pub(crate) continues: bool,
    what: WireWhat,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireWhat {
    Start(Box<WireLine>, WireNode),
    Resume(WireReply, WireNode),
    Abort,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireLine {
    text: String,
    state: ByteBuf,
    shell: String,
    user: String,
    hostname: String,
    env: Vec<(String, String)>,
    cwd: String,
    secs: i64,
    nanos: u32,
    columns: u16,
    history: Vec<String>,
    calls: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireReply {
    Call {
        stdout: ByteBuf,
        stderr: ByteBuf,
        exit: i32,
        millis: u64,
    },
    Text(Option<String>),
}

/// What a session answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireSaid {
    pub(crate) result: Result<WireTurn, WireRefusal>,
    pub(crate) blobs: Vec<ByteBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WireTurn {
    Call(Box<WireHostCall>),
    /// The prompt, and true if what is typed is hidden.
    Ask(String, bool, WireSoFar),
    Lasts(Vec<String>, WireSoFar),
    Unfinished,
    Done(Box<WireDone>),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireHostCall {
    command: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    cwd: String,
    user: String,
    stdin: Option<ByteBuf>,
    to_terminal: bool,
    so_far: WireSoFar,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireDone {
    state: ByteBuf,
    prompt: String,
    cwd: String,
    exit: i32,
    then: WireThen,
    so_far: WireSoFar,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireThen {
    Prompt,
    Exit,
    Become(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireSoFar {
    output: Vec<WireOutput>,
    tree: WireNode,
    millis: u64,
}

/// An ask whose tree is told by its difference from `base`.
pub(crate) fn encode_ask(ask: &SessionAsk, base: &Tree, continues: bool) -> Result<WireAsk, WireError> {
    let (id, what) = match ask {
        SessionAsk::Start(id, line, tree) => {
            let line = Box::new(encode_line(line));
            (*id, WireWhat::Start(line, encode_tree(tree, base)?))
        }
        SessionAsk::Resume(id, answer, tree) => {
            let reply = match answer {
                Answer::Call(answer) => WireReply::Call {
                    stdout: answer.stdout.clone().into(),
                    stderr: answer.stderr.clone().into(),
                    exit: answer.exit,
                    millis: answer.millis,
                },
                Answer::Text(text) => WireReply::Text(text.clone()),
            };
            (*id, WireWhat::Resume(reply, encode_tree(tree, base)?))
        }
        SessionAsk::Abort(id) => (*id, WireWhat::Abort),
    };
    Ok(WireAsk { id, continues, what })
}

/// What [`encode_ask`] was given.
pub(crate) fn decode_ask(ask: WireAsk, base: &Tree) -> Result<SessionAsk, WireError> {
    let id = ask.id;
    Ok(match ask.what {
        WireWhat::Start(line, tree) => SessionAsk::Start(id, decode_line(*line), decode_tree(tree, base)?),
        WireWhat::Resume(reply, tree) => {
            let answer = match reply {
                WireReply::Call {
                    stdout,
                    stderr,
                    exit,
                    millis,
                } => Answer::Call(CallAnswer {
                    stdout: stdout.into_vec(),
                    stderr: stderr.into_vec(),
                    exit,
                    millis,
                }),
                WireReply::Text(text) => Answer::Text(text),
            };
            SessionAsk::Resume(id, answer, decode_tree(tree, base)?)
        }
        WireWhat::Abort => SessionAsk::Abort(id),
    })
}

fn encode_line(line: &Line) -> WireLine {
    WireLine {
        text: line.text.clone(),
        state: line.state.0.clone().into(),
        shell: line.shell.clone(),
        user: line.user.clone(),
        hostname: line.hostname.clone(),
        env: line.env.clone(),
        cwd: line.cwd.clone(),
        secs: line.now.secs,
        nanos: line.now.nanos,
        columns: line.columns,
        history: line.history.clone(),
        calls: line.calls.clone(),
    }
}

fn decode_line(line: WireLine) -> Line {
    Line {
        text: line.text,
        state: ShellState(line.state.into_vec()),
        shell: line.shell,
        user: line.user,
        hostname: line.hostname,
        env: line.env,
        cwd: line.cwd,
        now: Time {
            secs: line.secs,
            nanos: line.nanos,
        },
        columns: line.columns,
        history: line.history,
        calls: line.calls,
    }
}

/// A turn whose tree is told by its difference from `base`, or why there is none.
pub(crate) fn encode_turn(
    result: &Result<Turn, ExecuteError>,
    base: &Tree,
) -> Result<Result<WireTurn, WireRefusal>, WireError> {
    let turn = match result {
        Ok(turn) => turn,
        Err(error) => return Ok(Err(encode_refusal(error))),
    };
    Ok(Ok(match turn {
        Turn::Call(call) => WireTurn::Call(Box::new(WireHostCall {
            command: call.command.clone(),
            args: call.args.clone(),
            env: call.env.clone(),
            cwd: call.cwd.clone(),
            user: call.user.clone(),
            stdin: call.stdin.clone().map(ByteBuf::from),
            to_terminal: call.stdout == Sink::Terminal,
            so_far: encode_so_far(&call.so_far, base)?,
        })),
        Turn::Ask(question) => WireTurn::Ask(
            question.prompt.clone(),
            question.echo == Echo::Hidden,
            encode_so_far(&question.so_far, base)?,
        ),
        Turn::Lasts { argv, so_far } => WireTurn::Lasts(argv.clone(), encode_so_far(so_far, base)?),
        Turn::Unfinished => WireTurn::Unfinished,
        Turn::Done(done) => WireTurn::Done(Box::new(WireDone {
            state: done.state.0.clone().into(),
            prompt: done.prompt.clone(),
            cwd: done.cwd.clone(),
            exit: done.exit,
            then: match &done.then {
                Then::Prompt => WireThen::Prompt,
                Then::Exit => WireThen::Exit,
                Then::Become(user) => WireThen::Become(user.clone()),
            },
            so_far: encode_so_far(&done.so_far, base)?,
        })),
    }))
}

/// What [`encode_turn`] was given; errors of the shell's own store come back as [`ExecuteError::Unsupported`].
pub(crate) fn decode_turn(
    wire: Result<WireTurn, WireRefusal>,
    base: &Tree,
) -> Result<Result<Turn, ExecuteError>, WireError> {
    let turn = match wire {
        Ok(turn) => turn,
        Err(refusal) => return Ok(Err(decode_refusal(refusal))),
    };
    Ok(Ok(match turn {
        WireTurn::Call(call) => Turn::Call(HostCall {
            command: call.command,
            args: call.args,
            env: call.env,
            cwd: call.cwd,
            user: call.user,
            stdin: call.stdin.map(ByteBuf::into_vec),
            stdout: if call.to_terminal { Sink::Terminal } else { Sink::Other },
            so_far: decode_so_far(call.so_far, base)?,
        }),
        WireTurn::Ask(prompt, hidden, so_far) => Turn::Ask(Question {
            prompt,
            echo: if hidden { Echo::Hidden } else { Echo::Shown },
            so_far: decode_so_far(so_far, base)?,
        }),
        WireTurn::Lasts(argv, so_far) => Turn::Lasts {
            argv,
            so_far: decode_so_far(so_far, base)?,
        },
        WireTurn::Unfinished => Turn::Unfinished,
        WireTurn::Done(done) => Turn::Done(Done {
            state: ShellState(done.state.into_vec()),
            prompt: done.prompt,
            cwd: done.cwd,
            exit: done.exit,
            then: match done.then {
                WireThen::Prompt => Then::Prompt,
                WireThen::Exit => Then::Exit,
                WireThen::Become(user) => Then::Become(user),
            },
            so_far: decode_so_far(done.so_far, base)?,
        }),
    }))
}

fn encode_so_far(so_far: &SoFar, base: &Tree) -> Result<WireSoFar, WireError> {
    Ok(WireSoFar {
        output: so_far.output.iter().map(encode_output).collect(),
        tree: encode_tree(&so_far.tree, base)?,
        millis: so_far.millis,
    })
}

fn decode_so_far(wire: WireSoFar, base: &Tree) -> Result<SoFar, WireError> {
    Ok(SoFar {
        output: wire.output.into_iter().map(decode_output).collect(),
        tree: decode_tree(wire.tree, base)?,
        millis: wire.millis,
    })
}
