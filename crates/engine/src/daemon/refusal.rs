//! What the daemon answers when it does not do what it is asked.

use builder::ExecuteError;
use oci::ReferenceError;
use store::layout::LayoutError;
use store::{LayerError, StoreError, TreeError};

/// Why an operation was not done, worded as Docker's daemon words it. Nothing has changed then.
///
/// Docker's client prints it after `Error response from daemon: `.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No image has this name or ID.
    #[error("No such image: {name}")]
    NoSuchImage {
        /// What was asked for, with its tag.
        name: String,
    },
    /// No container has this name or ID.
    #[error("No such container: {name}")]
    NoSuchContainer {
        /// What was asked for.
        name: String,
    },
    /// No volume has this name.
    #[error("get {name}: no such volume")]
    NoSuchVolume {
        /// What was asked for.
        name: String,
    },
    /// Several containers have IDs that begin so.
    #[error("Multiple IDs found with provided prefix: {prefix}")]
    AmbiguousPrefix {
        /// What was asked for.
        prefix: String,
    },
    /// Something that is there, or is in use, forbids it. The message is whole.
    #[error("{message}")]
    Conflict {
        /// Why.
        message: String,
    },
    /// What was asked for makes no sense. The message is whole.
    #[error("{message}")]
    Invalid {
        /// Why.
        message: String,
    },
    /// A container's process could not be started.
    #[error(
        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: \
         unable to start container process: error during container init: {reason}: unknown"
    )]
    NotStarted {
        /// What the runtime says: `exec: "nginx": executable file not found in $PATH`.
        reason: String,
    },
    /// A process could not be added to a container.
    #[error("OCI runtime exec failed: exec failed: unable to start container process: {reason}: unknown")]
    NotExecuted {
        /// What the runtime says.
        reason: String,
    },
    /// The user that a process is to run as is unknown.
    #[error("unable to find user {user}: no matching entries in passwd file")]
    NoSuchUser {
        /// The user.
        user: String,
    },
    /// A port is taken.
    #[error(
        "driver failed programming external connectivity on endpoint {name} ({endpoint}): Bind for {address} failed: port is \
         already allocated"
    )]
    PortTaken {
        /// The container's name.
        name: String,
        /// The ID of its endpoint, 64 hexadecimal digits.
        endpoint: String,
        /// Host address and port.
        address: String,
    },
    /// No such path in the container.
    #[error("Could not find the file {path} in container {container}")]
    NoSuchFile {
        /// The path.
        path: String,
        /// The container as it was named.
        container: String,
    },
    /// The host's files do not allow it.
    #[error("{path}: {reason}")]
    HostFile {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// The machine does not do what a container takes.
    #[error("{doing}: {reason}")]
    System {
        /// What was being done: `freeze the processes of web`.
        doing: String,
        /// Why that failed, in the words of the system.
        reason: String,
    },
    /// A text is no name of an image.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The executor could not run a process at all.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A layer could not be read or written.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// An archive of images could not be read or written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Bytes could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Layers make no filesystem, or a path cannot be used.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Refusal {
    pub(crate) fn conflict(message: impl Into<String>) -> Refusal {
        Refusal::Conflict {
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::Invalid {
            message: message.into(),
        }
    }

    /// The exit code of `docker run` and `docker start` for it: 127 if the program is not there, 126 if it may not be run,
    /// else 125.
    ///
    /// Source: docker/cli, `cli/command/container/run.go`, `toStatusError`.
    pub fn run_exit(&self) -> i32 {
        // What the machine could not do says nothing of the program.
        if matches!(self, Refusal::System { .. }) {
            return 125;
        }
        let text = self.to_string();
        let says = |what: &str| text.contains(what);
        if says("executable file not found") || says("no such file or directory") {
            127
        } else if says("permission denied") || says("is a directory") || says("exec format error") {
            126
        } else {
            125
        }
    }
}
