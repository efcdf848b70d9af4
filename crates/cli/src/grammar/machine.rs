//! The commands on volumes, networks and the machine as a whole.

use super::spec::{Arguments, FORMAT, FORMAT_LIST, Flag, Order, Spec, Takes, Verb, flags};

/// The commands.
pub(super) const MACHINE: &[Spec] = &[
    Spec {
        verb: Verb::Inspect,
        names: &["inspect"],
        usage: "[OPTIONS] NAME|ID [NAME|ID...]",
        about: "Return low-level information on Docker objects",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Anything,
        flags: &[INSPECT],
        order: Order::Any,
    },
    Spec {
        verb: Verb::VolumeCreate,
        names: &["volume create"],
        usage: "[OPTIONS] [VOLUME]",
        about: "Create a volume",
        arguments: Arguments::AtMost(1),
        takes: Takes::Nothing,
        flags: &[VOLUME_CREATE],
        order: Order::Any,
    },
    Spec {
        verb: Verb::VolumeInspect,
        names: &["volume inspect"],
        usage: "[OPTIONS] VOLUME [VOLUME...]",
        about: "Display detailed information on one or more volumes",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Volumes,
        flags: &[FORMATTED],
        order: Order::Any,
    },
    Spec {
        verb: Verb::VolumeLs,
        names: &["volume ls", "volume list"],
        usage: "[OPTIONS]",
        about: "List volumes",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[VOLUME_LS],
        order: Order::Any,
    },
    Spec {
        verb: Verb::VolumePrune,
        names: &["volume prune"],
        usage: "[OPTIONS]",
        about: "Remove unused local volumes",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[VOLUME_PRUNE],
        order: Order::Any,
    },
    Spec {
        verb: Verb::VolumeRm,
        names: &["volume rm", "volume remove"],
        usage: "[OPTIONS] VOLUME [VOLUME...]",
        about: "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Volumes,
        flags: &[VOLUME_RM],
        order: Order::Any,
    },
    Spec {
        verb: Verb::NetworkInspect,
        names: &["network inspect"],
        usage: "[OPTIONS] NETWORK [NETWORK...]",
        about: "Display detailed information on one or more networks",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Networks,
        flags: &[NETWORK_INSPECT],
        order: Order::Any,
    },
    Spec {
        verb: Verb::NetworkLs,
        names: &["network ls", "network list"],
        usage: "[OPTIONS]",
        about: "List networks",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[NETWORK_LS],
        order: Order::Any,
    },
    Spec {
        verb: Verb::SystemDf,
        names: &["system df"],
        usage: "[OPTIONS]",
        about: "Show docker disk usage",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[DF],
        order: Order::Any,
    },
    Spec {
        verb: Verb::SystemPrune,
        names: &["system prune"],
        usage: "[OPTIONS]",
        about: "Remove unused data",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[SYSTEM_PRUNE],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Info,
        names: &["system info", "info"],
        usage: "[OPTIONS]",
        about: "Display system-wide information",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[FORMATTED],
        order: Order::Any,
    },
    Spec {
        verb: Verb::Version,
        names: &["version"],
        usage: "[OPTIONS]",
        about: "Show the Docker version information",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[FORMATTED],
        order: Order::Any,
    },
    Spec {
        verb: Verb::BuilderPrune,
        names: &["builder prune"],
        usage: "",
        about: "Remove build cache",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[BUILDER_PRUNE],
        order: Order::Any,
    },
];

flags! { BUILDER_PRUNE:
    "a" "all" Switch "" "Remove all unused build cache, not just dangling ones";
    "" "filter" Filter "" "Provide filter values (e.g. \"until=24h\")";
    "f" "force" Switch "" "Do not prompt for confirmation";
    "" "keep-storage" Bytes "" "Amount of disk space to keep for cache";
}

flags! { DF:
    "" "format" Text "" FORMAT_LIST;
    "v" "verbose" Switch "" "Show detailed information on space usage";
}

flags! { FORMATTED:
    "f" "format" Text "" FORMAT;
}

flags! { INSPECT:
    "f" "format" Text "" FORMAT;
    "s" "size" Switch "" "Display total file sizes if the type is container";
    "" "type" Text "" "Only inspect objects of the given type";
}

flags! { NETWORK_INSPECT:
    "f" "format" Text "" FORMAT;
    "v" "verbose" Switch "" "Verbose output for diagnostics" idle;
}

flags! { NETWORK_LS:
    "f" "filter" Filter "" "Provide filter values (e.g. \"driver=bridge\")";
    "" "format" Text "" FORMAT_LIST;
    "" "no-trunc" Switch "" "Do not truncate the output";
    "q" "quiet" Switch "" "Only display network IDs";
}

flags! { SYSTEM_PRUNE:
    "a" "all" Switch "" "Remove all unused images not just dangling ones";
    "" "filter" Filter "" "Provide filter values (e.g. \"label=<key>=<value>\")";
    "f" "force" Switch "" "Do not prompt for confirmation";
    "" "volumes" Switch "" "Prune anonymous volumes";
}

flags! { VOLUME_CREATE:
    "" "availability" Text "active" "Cluster Volume availability (\"active\", \"pause\", \"drain\")" idle;
    "d" "driver" Text "local" "Specify volume driver name";
    "" "group" Text "" "Cluster Volume group (cluster volumes)" idle;
    "" "label" List "" "Set metadata for a volume";
    "" "limit-bytes" Bytes "" "Minimum size of the Cluster Volume in bytes" idle;
    "o" "opt" Map "map[]" "Set driver specific options";
    "" "required-bytes" Bytes "" "Maximum size of the Cluster Volume in bytes" idle;
    "" "scope" Text "single" "Cluster Volume access scope (\"single\", \"multi\")" idle;
    "" "secret" Map "map[]" "Cluster Volume secrets" idle;
    "" "sharing" Text "none" "Cluster Volume access sharing (\"none\", \"readonly\", \"onewriter\", \"all\")" idle;
    "" "topology-preferred" List "" "A topology that the Cluster Volume would be preferred in" idle;
    "" "topology-required" List "" "A topology that the Cluster Volume must be accessible from" idle;
    "" "type" Text "block" "Cluster Volume access type (\"mount\", \"block\")" idle;
}

flags! { VOLUME_LS:
    "" "cluster" Switch "" "Display only cluster volumes, and use cluster volume list formatting" idle;
    "f" "filter" Filter "" "Provide filter values (e.g. \"dangling=true\")";
    "" "format" Text "" FORMAT_LIST;
    "q" "quiet" Switch "" "Only display volume names";
}

flags! { VOLUME_PRUNE:
    "a" "all" Switch "" "Remove all unused volumes, not just anonymous ones";
    "" "filter" Filter "" "Provide filter values (e.g. \"label=<label>\")";
    "f" "force" Switch "" "Do not prompt for confirmation";
}

flags! { VOLUME_RM:
    "f" "force" Switch "" "Force the removal of one or more volumes";
}
