//! The commands on containers.

use super::spec::{Arguments, FORMAT, FORMAT_LIST, Flag, Order, Spec, Takes, Verb, flags};

/// The commands.
pub(super) const CONTAINER: &[Spec] = &[
    Spec {
        verb: Verb::Attach,
        names: &["container attach", "attach"],
        usage: "[OPTIONS] CONTAINER",
        about: "Attach local standard input, output, and error streams to a running container",
        arguments: Arguments::Exactly(1),
        takes: Takes::Running,
        flags: &[ATTACH],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Commit,
        names: &["container commit", "commit"],
        usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
        about: "Create a new image from a container's changes",
        arguments: Arguments::Between(1, 2),
        takes: Takes::Containers,
        flags: &[COMMIT],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Cp,
        names: &["container cp", "cp"],
        usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        about: "Copy files/folders between a container and the local filesystem\n\nUse '-' as the source to read a tar archive from stdin\nand extract it to a directory destination in a container.\nUse '-' as the destination to stream a tar archive of a\ncontainer source to stdout.",
        arguments: Arguments::Exactly(2),
        takes: Takes::ContainersAndPaths,
        flags: &[CP],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Diff,
        names: &["container diff", "diff"],
        usage: "CONTAINER",
        about: "Inspect changes to files or directories on a container's filesystem",
        arguments: Arguments::Exactly(1),
        takes: Takes::Containers,
        flags: &[],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Exec,
        names: &["container exec", "exec"],
        usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
        about: "Execute a command in a running container",
        arguments: Arguments::AtLeast(2),
        takes: Takes::Running,
        flags: &[EXEC],
        order: Order::FlagsFirst,
    },
    Spec {
        verb: Verb::Export,
        names: &["container export", "export"],
        usage: "[OPTIONS] CONTAINER",
        about: "Export a container's filesystem as a tar archive",
        arguments: Arguments::Exactly(1),
        takes: Takes::Containers,
        flags: &[EXPORT],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ContainerInspect,
        names: &["container inspect"],
        usage: "[OPTIONS] CONTAINER [CONTAINER...]",
        about: "Display detailed information on one or more containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Containers,
        flags: &[INSPECT],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Kill,
        names: &["container kill", "kill"],
        usage: "[OPTIONS] CONTAINER [CONTAINER...]",
        about: "Kill one or more running containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Running,
        flags: &[KILL],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Logs,
        names: &["container logs", "logs"],
        usage: "[OPTIONS] CONTAINER",
        about: "Fetch the logs of a container",
        arguments: Arguments::Exactly(1),
        takes: Takes::Containers,
        flags: &[LOGS],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Ps,
        names: &["container ls", "container list", "container ps", "ps"],
        usage: "[OPTIONS]",
        about: "List containers",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[LS],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Pause,
        names: &["container pause", "pause"],
        usage: "CONTAINER [CONTAINER...]",
        about: "Pause all processes within one or more containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Running,
        flags: &[],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Port,
        names: &["container port", "port"],
        usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
        about: "List port mappings or a specific mapping for the container",
        arguments: Arguments::Between(1, 2),
        takes: Takes::Containers,
        flags: &[],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ContainerPrune,
        names: &["container prune"],
        usage: "[OPTIONS]",
        about: "Remove all stopped containers",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[PRUNE],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Rename,
        names: &["container rename", "rename"],
        usage: "CONTAINER NEW_NAME",
        about: "Rename a container",
        arguments: Arguments::Exactly(2),
        takes: Takes::Containers,
        flags: &[],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Restart,
        names: &["container restart", "restart"],
        usage: "[OPTIONS] CONTAINER [CONTAINER...]",
        about: "Restart one or more containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Containers,
        flags: &[STOP],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Rm,
        names: &["container rm", "container remove", "rm"],
        usage: "[OPTIONS] CONTAINER [CONTAINER...]",
        about: "Remove one or more containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Containers,
        flags: &[RM],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Start,
        names: &["container start", "start"],
        usage: "[OPTIONS] CONTAINER [CONTAINER...]",
        about: "Start one or more stopped containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Containers,
        flags: &[START],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Stop,
        names: &["container stop", "stop"],
        usage: "[OPTIONS] CONTAINER [CONTAINER...]",
        about: "Stop one or more running containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Running,
        flags: &[STOP],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Top,
        names: &["container top", "top"],
        usage: "CONTAINER [ps OPTIONS]",
        about: "Display the running processes of a container",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Running,
        flags: &[],
        order: Order::FlagsFirst,
    },
    Spec {
        verb: Verb::Unpause,
        names: &["container unpause", "unpause"],
        usage: "CONTAINER [CONTAINER...]",
        about: "Unpause all processes within one or more containers",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Running,
        flags: &[],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Wait,
        names: &["container wait", "wait"],
        usage: "CONTAINER [CONTAINER...]",
        about: "Block until one or more containers stop, then print their exit codes",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Containers,
        flags: &[],
        order: Order::Any,
    },
];

flags! { ATTACH:
    "" "detach-keys" Text "" "Override the key sequence for detaching a container" idle;
    "" "no-stdin" Switch "" "Do not attach STDIN";
    "" "sig-proxy" Switch "true" "Proxy all received signals to the process" idle;
}

flags! { COMMIT:
    "a" "author" Text "" "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")";
    "c" "change" List "" "Apply Dockerfile instruction to the created image";
    "m" "message" Text "" "Commit message";
    "p" "pause" Switch "true" "Pause container during commit";
}

flags! { CP:
    "a" "archive" Switch "" "Archive mode (copy all uid/gid information)";
    "L" "follow-link" Switch "" "Always follow symbol link in SRC_PATH";
    "q" "quiet" Switch "" "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached";
}

flags! { EXEC:
    "d" "detach" Switch "" "Detached mode: run command in the background";
    "" "detach-keys" Text "" "Override the key sequence for detaching a container" idle;
    "e" "env" List "" "Set environment variables";
    "" "env-file" List "" "Read in a file of environment variables";
    "i" "interactive" Switch "" "Keep STDIN open even if not attached";
    "" "privileged" Switch "" "Give extended privileges to the command" real;
    "t" "tty" Switch "" "Allocate a pseudo-TTY";
    "u" "user" Text "" "Username or UID (format: \"<name|uid>[:<group|gid>]\")";
    "w" "workdir" Text "" "Working directory inside the container";
}

flags! { EXPORT:
    "o" "output" Text "" "Write to a file, instead of STDOUT";
}

flags! { INSPECT:
    "f" "format" Text "" FORMAT;
    "s" "size" Switch "" "Display total file sizes";
}

flags! { KILL:
    "s" "signal" Text "" "Signal to send to the container";
}

flags! { LOGS:
    "" "details" Switch "" "Show extra details provided to logs" idle;
    "f" "follow" Switch "" "Follow log output";
    "" "since" Text "" "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)";
    "n" "tail" Text "all" "Number of lines to show from the end of the logs";
    "t" "timestamps" Switch "" "Show timestamps";
    "" "until" Text "" "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)";
}

flags! { LS:
    "a" "all" Switch "" "Show all containers (default shows just running)";
    "f" "filter" Filter "" "Filter output based on conditions provided";
    "" "format" Text "" FORMAT_LIST;
    "n" "last" Int "-1" "Show n last created containers (includes all states)";
    "l" "latest" Switch "" "Show the latest created container (includes all states)";
    "" "no-trunc" Switch "" "Don't truncate output";
    "q" "quiet" Switch "" "Only display container IDs";
    "s" "size" Switch "" "Display total file sizes";
}

flags! { PRUNE:
    "" "filter" Filter "" "Provide filter values (e.g. \"until=<timestamp>\")";
    "f" "force" Switch "" "Do not prompt for confirmation";
}

flags! { RM:
    "f" "force" Switch "" "Force the removal of a running container (uses SIGKILL)";
    "l" "link" Switch "" "Remove the specified link" idle;
    "v" "volumes" Switch "" "Remove anonymous volumes associated with the container";
}

flags! { START:
    "a" "attach" Switch "" "Attach STDOUT/STDERR and forward signals";
    "" "checkpoint" Text "" "Restore from this checkpoint" idle;
    "" "checkpoint-dir" Text "" "Use a custom checkpoint storage directory" idle;
    "" "detach-keys" Text "" "Override the key sequence for detaching a container" idle;
    "i" "interactive" Switch "" "Attach container's STDIN";
}

flags! { STOP:
    "s" "signal" Text "" "Signal to send to the container";
    "t" "timeout" Int "" "Seconds to wait before killing the container";
}
