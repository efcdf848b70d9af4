//! `docker run` and `docker create`, which share their flags.

use super::spec::{Arguments, Flag, Order, Spec, Takes, Verb, flags};

/// The commands.
pub(super) const RUNNING: &[Spec] = &[
    Spec {
        verb: Verb::Run,
        names: &["container run", "run"],
        usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        about: "Create and run a new container from an image",
        arguments: Arguments::AtLeast(1),
        takes: Takes::ImageFirst,
        flags: &[RUN, SHARED],
        order: Order::FlagsFirst,
    },
    Spec {
        verb: Verb::Create,
        names: &["container create", "create"],
        usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        about: "Create a new container",
        arguments: Arguments::AtLeast(1),
        takes: Takes::ImageFirst,
        flags: &[CREATE, SHARED],
        order: Order::FlagsFirst,
    },
];

flags! { RUN:
    "d" "detach" Switch "" "Run container in background and print container ID";
    "" "detach-keys" Text "" "Override the key sequence for detaching a container" idle;
    "" "sig-proxy" Switch "true" "Proxy received signals to the process" idle;
    "" "pull" Text "missing" "Pull image before running (\"always\", \"missing\", \"never\")";
}

flags! { CREATE:
    "" "pull" Text "missing" "Pull image before creating (\"always\", \"missing\", \"never\")";
}

flags! { SHARED:
    "" "add-host" List "" "Add a custom host-to-IP mapping (host:ip)" real;
    "" "annotation" Map "map[]" "Add an annotation to the container (passed through to the OCI runtime)" idle;
    "a" "attach" List "" "Attach to STDIN, STDOUT or STDERR";
    "" "blkio-weight" Uint16 "0" "Block IO (relative weight), between 10 and 1000, or 0 to disable" idle;
    "" "blkio-weight-device" List "[]" "Block IO weight (relative device weight)" idle;
    "" "cap-add" List "" "Add Linux capabilities" real;
    "" "cap-drop" List "" "Drop Linux capabilities" real;
    "" "cgroup-parent" Text "" "Optional parent cgroup for the container" real;
    "" "cgroupns" Text "" "Cgroup namespace to use (host|private)\n'host':    Run the container in the Docker host's cgroup namespace\n'private': Run the container in its own private cgroup namespace\n'':        Use the cgroup namespace as configured by the\n           default-cgroupns-mode option on the daemon (default)" idle;
    "" "cidfile" Text "" "Write the container ID to the file";
    "" "cpu-count" Int "" "CPU count (Windows only)" idle;
    "" "cpu-percent" Int "" "CPU percent (Windows only)" idle;
    "" "cpu-period" Int "" "Limit CPU CFS (Completely Fair Scheduler) period" idle;
    "" "cpu-quota" Int "" "Limit CPU CFS (Completely Fair Scheduler) quota" idle;
    "" "cpu-rt-period" Int "" "Limit CPU real-time period in microseconds" idle;
    "" "cpu-rt-runtime" Int "" "Limit CPU real-time runtime in microseconds" idle;
    "c" "cpu-shares" Int "" "CPU shares (relative weight)" idle;
    "" "cpus" Decimal "" "Number of CPUs" real;
    "" "cpuset-cpus" Text "" "CPUs in which to allow execution (0-3, 0,1)" idle;
    "" "cpuset-mems" Text "" "MEMs in which to allow execution (0-3, 0,1)" idle;
    "" "device" List "" "Add a host device to the container" idle;
    "" "device-cgroup-rule" List "" "Add a rule to the cgroup allowed devices list" idle;
    "" "device-read-bps" List "[]" "Limit read rate (bytes per second) from a device" idle;
    "" "device-read-iops" List "[]" "Limit read rate (IO per second) from a device" idle;
    "" "device-write-bps" List "[]" "Limit write rate (bytes per second) to a device" idle;
    "" "device-write-iops" List "[]" "Limit write rate (IO per second) to a device" idle;
    "" "disable-content-trust" Switch "true" "Skip image verification" idle;
    "" "dns" List "" "Set custom DNS servers" real;
    "" "dns-option" List "" "Set DNS options" real;
    "" "dns-search" List "" "Set custom DNS search domains" real;
    "" "domainname" Text "" "Container NIS domain name" idle;
    "" "entrypoint" Text "" "Overwrite the default ENTRYPOINT of the image";
    "e" "env" List "" "Set environment variables";
    "" "env-file" List "" "Read in a file of environment variables";
    "" "expose" List "" "Expose a port or a range of ports";
    "" "gpus" Gpu "" "GPU devices to add to the container ('all' to pass all GPUs)" idle;
    "" "group-add" List "" "Add additional groups to join" real;
    "" "health-cmd" Text "" "Command to run to check health";
    "" "health-interval" Duration "0s" "Time between running the check (ms|s|m|h)";
    "" "health-retries" Int "" "Consecutive failures needed to report unhealthy";
    "" "health-start-interval" Duration "0s" "Time between running the check during the start period (ms|s|m|h)";
    "" "health-start-period" Duration "0s" "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)";
    "" "health-timeout" Duration "0s" "Maximum time to allow one check to run (ms|s|m|h)";
    "h" "hostname" Text "" "Container host name";
    "" "init" Switch "" "Run an init inside the container that forwards signals and reaps processes" real;
    "i" "interactive" Switch "" "Keep STDIN open even if not attached";
    "" "io-maxbandwidth" Bytes "" "Maximum IO bandwidth limit for the system drive (Windows only)" idle;
    "" "io-maxiops" Uint "" "Maximum IOps limit for the system drive (Windows only)" idle;
    "" "ip" Text "" "IPv4 address (e.g., 172.30.100.104)" idle;
    "" "ip6" Text "" "IPv6 address (e.g., 2001:db8::33)" idle;
    "" "ipc" Text "" "IPC mode to use" idle;
    "" "isolation" Text "" "Container isolation technology" idle;
    "" "kernel-memory" Bytes "" "Kernel memory limit" idle;
    "l" "label" List "" "Set meta data on a container";
    "" "label-file" List "" "Read in a line delimited file of labels";
    "" "link" List "" "Add link to another container" idle;
    "" "link-local-ip" List "" "Container IPv4/IPv6 link-local addresses" idle;
    "" "log-driver" Text "" "Logging driver for the container" idle;
    "" "log-opt" List "" "Log driver options" real;
    "" "mac-address" Text "" "Container MAC address (e.g., 92:d0:c6:0a:29:33)" idle;
    "m" "memory" Bytes "" "Memory limit" real;
    "" "memory-reservation" Bytes "" "Memory soft limit" idle;
    "" "memory-swap" Bytes "" "Swap limit equal to memory plus swap: '-1' to enable unlimited swap" idle;
    "" "memory-swappiness" Int "-1" "Tune container memory swappiness (0 to 100)" idle;
    "" "mount" Mount "" "Attach a filesystem mount to the container";
    "" "name" Text "" "Assign a name to the container";
    "" "network" Network "" "Connect a container to a network";
    "" "network-alias" List "" "Add network-scoped alias for the container" idle;
    "" "no-healthcheck" Switch "" "Disable any container-specified HEALTHCHECK";
    "" "oom-kill-disable" Switch "" "Disable OOM Killer" idle;
    "" "oom-score-adj" Int "" "Tune host's OOM preferences (-1000 to 1000)" idle;
    "" "pid" Text "" "PID namespace to use" idle;
    "" "pids-limit" Int "" "Tune container pids limit (set -1 for unlimited)" real;
    "" "platform" Text "" "Set platform if server is multi-platform capable";
    "" "privileged" Switch "" "Give extended privileges to this container" real;
    "p" "publish" List "" "Publish a container's port(s) to the host";
    "P" "publish-all" Switch "" "Publish all exposed ports to random ports";
    "q" "quiet" Switch "" "Suppress the pull output";
    "" "read-only" Switch "" "Mount the container's root filesystem as read only";
    "" "restart" Text "no" "Restart policy to apply when a container exits";
    "" "rm" Switch "" "Automatically remove the container and its associated anonymous volumes when it exits";
    "" "runtime" Text "" "Runtime to use for this container" idle;
    "" "security-opt" List "" "Security Options" real;
    "" "shm-size" Bytes "" "Size of /dev/shm" real;
    "" "stop-signal" Text "" "Signal to stop the container";
    "" "stop-timeout" Int "" "Timeout (in seconds) to stop a container";
    "" "storage-opt" List "" "Storage driver options for the container" idle;
    "" "sysctl" Map "map[]" "Sysctl options" idle;
    "" "tmpfs" List "" "Mount a tmpfs directory";
    "t" "tty" Switch "" "Allocate a pseudo-TTY";
    "" "ulimit" Ulimit "[]" "Ulimit options" real;
    "" "use-api-socket" Switch "" "Bind mount Docker API socket and required auth" idle;
    "u" "user" Text "" "Username or UID (format: <name|uid>[:<group|gid>])";
    "" "userns" Text "" "User namespace to use" idle;
    "" "uts" Text "" "UTS namespace to use" idle;
    "v" "volume" List "" "Bind mount a volume";
    "" "volume-driver" Text "" "Optional volume driver for the container" idle;
    "" "volumes-from" List "" "Mount volumes from the specified container(s)";
    "w" "workdir" Text "" "Working directory inside the container";
}
