//! `docker build`, as BuildKit's client has it.

use super::spec::{Arguments, Flag, Order, Spec, Takes, Verb, flags};

/// The commands.
pub(super) const BUILDING: &[Spec] = &[Spec {
    verb: Verb::Build,
    names: &["buildx build", "build", "builder build", "image build"],
    usage: "[OPTIONS] PATH | URL | -",
    about: "Build an image from a Dockerfile",
    arguments: Arguments::Exactly(1),
    takes: Takes::Paths,
    flags: &[BUILD],
    order: Order::Any,
}];

flags! { BUILD:
    "" "add-host" List "" "Add a custom host-to-IP mapping (format: \"host:ip\")" idle;
    "" "allow" List "" "Allow extra privileged entitlement (e.g., \"network.host\", \"security.insecure\")" idle;
    "" "build-arg" List "" "Set build-time variables";
    "" "build-context" List "" "Additional build contexts (e.g., name=path)";
    "" "builder" Text "" "Override the configured builder instance" idle;
    "" "cache-from" List "" "External cache sources (e.g., \"user/app:cache\", \"type=local,src=path/to/dir\")" idle;
    "" "cache-to" List "" "Cache export destinations (e.g., \"user/app:cache\", \"type=local,dest=path/to/dir\")" idle;
    "" "cgroup-parent" Text "" "Set the parent cgroup for the \"RUN\" instructions during build" idle;
    "f" "file" Text "" "Name of the Dockerfile (default: \"PATH/Dockerfile\")";
    "" "iidfile" Text "" "Write the image ID to a file";
    "" "label" List "" "Set metadata for an image";
    "" "load" Switch "" "Shorthand for \"--output=type=docker\"";
    "" "network" Text "default" "Set the networking mode for the \"RUN\" instructions during build" idle;
    "" "no-cache" Switch "" "Do not use cache when building the image";
    "" "platform" List "" "Set target platform for build";
    "" "progress" Text "auto" "Set type of progress output (\"auto\", \"quiet\", \"plain\", \"tty\", \"rawjson\")";
    "" "provenance" Text "" "Shorthand for \"--attest=type=provenance\"" idle;
    "" "pull" Switch "" "Always attempt to pull all referenced images";
    "" "push" Switch "" "Shorthand for \"--output=type=registry,unpack=false\"";
    "q" "quiet" Switch "" "Suppress the build output and print image ID on success";
    "" "rm" Switch "true" "Remove intermediate containers after a successful build" idle;
    "" "secret" List "" "Secret to expose to the build (format: \"id=mysecret[,src=/local/secret]\")";
    "" "shm-size" Bytes "" "Shared memory size for build containers" idle;
    "t" "tag" List "" "Name and optionally a tag (format: \"name:tag\")";
    "" "target" Text "" "Set the target build stage to build";
    "" "ulimit" Ulimit "" "Ulimit options" idle;
}
