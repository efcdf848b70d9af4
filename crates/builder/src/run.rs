//! RUN: what the executor is asked, and what becomes of its answer.

use crate::build::Tools;
use crate::copy::CopyError;
use crate::error::BuildErrorKind;
use crate::execute::{BUILD_HOST, Begun, Instruction, MountKind, Purpose, RunMount, RunOutcome, RunRequest};
use crate::make::Made;
use planner::{Input, Mount, Network, Run};
use std::collections::BTreeMap;
use store::{Follow, Meta, Node, Tree};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Begins a command over `base`; `place` is what the executor calls it when it has ended.
pub(crate) fn begin(
    place: usize,
    action: &Run,
    base: &Tree,
    sources: &BTreeMap<Input, Tree>,
    secrets: &BTreeMap<String, Vec<u8>>,
    tools: &mut Tools<'_>,
) -> Result<Begun, BuildErrorKind> {
    let (request, mounts) = request(action, sources, secrets, tools)?;
    let executor = tools.executor.as_deref_mut().ok_or(BuildErrorKind::NoExecutor)?;
    let instruction = Instruction { run: action, mounts };
    Ok(executor.begin(place, &instruction, &request, base, tools.blobs)?)
}

/// What a command that has ended made of `base`.
pub(crate) fn made(
    action: &Run,
    base: Tree,
    outcome: RunOutcome,
    tools: &mut Tools<'_>,
) -> Result<Made, BuildErrorKind> {
    let log = outcome.log();
    if outcome.exit != 0 {
        return Err(BuildErrorKind::Exit {
            command: action.argv.join(" "),
            code: outcome.exit,
            log,
        });
    }
    tools.cache.mounts.extend(outcome.caches);
    Ok(Made {
        base,
        tree: outcome.tree,
        millis: outcome.millis,
        log,
        fidelity: outcome.fidelity,
    })
}

/// What the executor is asked, and which of its mounts is which of the plan's.
fn request(
    action: &Run,
    sources: &BTreeMap<Input, Tree>,
    secrets: &BTreeMap<String, Vec<u8>>,
    tools: &Tools<'_>,
) -> Result<(RunRequest, Vec<Option<usize>>), BuildErrorKind> {
    let mut env = action.env.clone();
    env.extend(action.proxy.iter().cloned());
    if !env.iter().any(|(name, _)| name == "PATH") {
        env.push(("PATH".to_owned(), DEFAULT_PATH.to_owned()));
    }
    let (mut mounts, mut places) = (Vec::new(), Vec::new());
    for mount in &action.mounts {
        if let planner::MountKind::Secret {
            id, env: Some(name), ..
        } = &mount.kind
            && let Some(secret) = secrets.get(id)
        {
            env.push((name.clone(), String::from_utf8_lossy(secret).into_owned()));
        }
        let kind = kind(mount, sources, secrets, tools)?;
        places.push(kind.as_ref().map(|_| mounts.len()));
        if let Some(kind) = kind {
            mounts.push(RunMount {
                target: mount.target.clone(),
                kind,
            });
        }
    }
    let request = RunRequest {
        argv: action.argv.clone(),
        env,
        cwd: action.cwd.clone(),
        user: action.user.clone(),
        mounts,
        network: action.network != Network::None,
        now: tools.now,
        purpose: Purpose::Build,
        stdin: Vec::new(),
        hostname: BUILD_HOST.to_owned(),
    };
    Ok((request, places))
}

/// What is mounted; `None` for an optional secret that is not given.
fn kind(
    mount: &Mount,
    sources: &BTreeMap<Input, Tree>,
    secrets: &BTreeMap<String, Vec<u8>>,
    tools: &Tools<'_>,
) -> Result<Option<MountKind>, BuildErrorKind> {
    let read_only = mount.read_only;
    Ok(match &mount.kind {
        planner::MountKind::Bind { from, source } => Some(MountKind::Bind {
            node: node(&sources[from], source)?,
            read_only,
        }),
        planner::MountKind::Cache { id, from, source, .. } => Some(MountKind::Cache {
            id: id.clone(),
            node: match tools.cache.mounts.get(id) {
                Some(node) => node.clone(),
                None if *from == Input::Scratch => Node::dir(Meta {
                    mtime: tools.now,
                    ..Meta::of_mode(0o755)
                }),
                None => node(&sources[from], source)?,
            },
            read_only,
        }),
        planner::MountKind::Tmpfs { .. } => Some(MountKind::Tmpfs),
        planner::MountKind::Secret {
            id,
            required,
            mode,
            uid,
            gid,
            ..
        } => match secrets.get(id) {
            Some(bytes) if !mount.target.is_empty() => Some(MountKind::Secret {
                mode: *mode,
                uid: *uid,
                gid: *gid,
                bytes: bytes.clone(),
            }),
            None if *required => return Err(BuildErrorKind::Secret { id: id.clone() }),
            Some(_) | None => None,
        },
        planner::MountKind::Ssh { id, required: true, .. } if !has_agent(id, tools) => {
            return Err(BuildErrorKind::Agent { id: id.clone() });
        }
        planner::MountKind::Ssh { .. } => None,
    })
}

fn has_agent(id: &str, tools: &Tools<'_>) -> bool {
    tools.executor.as_ref().is_some_and(|executor| executor.has_agent(id))
}

fn node(tree: &Tree, path: &str) -> Result<Node, BuildErrorKind> {
    let missing = || CopyError::NotFound { path: path.to_owned() };
    let at = tree.resolve(path, Follow::Last).map_err(|_| missing())?;
    if at.is_root() {
        return Ok(Node::Dir(tree.root().clone().into()));
    }
    Ok(tree.get(&at).cloned().ok_or_else(missing)?)
}
