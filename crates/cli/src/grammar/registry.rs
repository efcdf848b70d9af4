//! The commands that speak to a registry.

use super::spec::{Arguments, Flag, Order, Spec, Takes, Verb, flags};

/// The commands.
pub(super) const REGISTRY: &[Spec] = &[
    Spec {
        verb: Verb::Pull,
        names: &["image pull", "pull"],
        usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
        about: "Download an image from a registry",
        arguments: Arguments::Exactly(1),
        takes: Takes::Image,
        flags: &[PULL],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Push,
        names: &["image push", "push"],
        usage: "[OPTIONS] NAME[:TAG]",
        about: "Upload an image to a registry",
        arguments: Arguments::Exactly(1),
        takes: Takes::Image,
        flags: &[PUSH],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Login,
        names: &["login"],
        usage: "[OPTIONS] [SERVER]",
        about: "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
        arguments: Arguments::AtMost(1),
        takes: Takes::Registry,
        flags: &[LOGIN],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Logout,
        names: &["logout"],
        usage: "[SERVER]",
        about: "Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
        arguments: Arguments::AtMost(1),
        takes: Takes::Registry,
        flags: &[],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Search,
        names: &["search"],
        usage: "[OPTIONS] TERM",
        about: "Search Docker Hub for images",
        arguments: Arguments::Exactly(1),
        takes: Takes::Nothing,
        flags: &[SEARCH],
        order: Order::Any,
    },
];

flags! { PULL:
    "a" "all-tags" Switch "" "Download all tagged images in the repository";
    "" "disable-content-trust" Switch "true" "Skip image verification" idle;
    "" "platform" Text "" "Set platform if server is multi-platform capable";
    "q" "quiet" Switch "" "Suppress verbose output";
}

flags! { PUSH:
    "a" "all-tags" Switch "" "Push all tags of an image to the repository";
    "" "disable-content-trust" Switch "true" "Skip image signing" idle;
    "" "platform" Text "" "Push a platform-specific manifest as a single-platform image to the registry.\nImage index won't be pushed, meaning that other manifests, including attestations won't be preserved.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)" idle;
    "q" "quiet" Switch "" "Suppress verbose output";
}

flags! { LOGIN:
    "p" "password" Text "" "Password or Personal Access Token (PAT)";
    "" "password-stdin" Switch "" "Take the Password or Personal Access Token (PAT) from stdin";
    "u" "username" Text "" "Username";
}

flags! { SEARCH:
    "f" "filter" Filter "" "Filter output based on conditions provided";
    "" "format" Text "" "Pretty-print search using a Go template";
    "" "limit" Int "" "Max number of search results";
    "" "no-trunc" Switch "" "Don't truncate output";
}
