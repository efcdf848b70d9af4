//! The commands on images.

use super::spec::{Arguments, FORMAT, FORMAT_LIST, Flag, Order, Spec, Takes, Verb, flags};

/// The commands.
pub(super) const IMAGE: &[Spec] = &[
    Spec {
        verb: Verb::ImageLs,
        names: &["image ls", "image list", "images"],
        usage: "[OPTIONS] [REPOSITORY[:TAG]]",
        about: "List images",
        arguments: Arguments::AtMost(1),
        takes: Takes::Image,
        flags: &[LS],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImageRm,
        names: &["image rm", "image remove", "rmi"],
        usage: "[OPTIONS] IMAGE [IMAGE...]",
        about: "Remove one or more images",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Images,
        flags: &[RM],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImageTag,
        names: &["image tag", "tag"],
        usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
        about: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
        arguments: Arguments::Exactly(2),
        takes: Takes::Images,
        flags: &[],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImageHistory,
        names: &["image history", "history"],
        usage: "[OPTIONS] IMAGE",
        about: "Show the history of an image",
        arguments: Arguments::Exactly(1),
        takes: Takes::Image,
        flags: &[HISTORY],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImageInspect,
        names: &["image inspect"],
        usage: "[OPTIONS] IMAGE [IMAGE...]",
        about: "Display detailed information on one or more images",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Images,
        flags: &[INSPECT],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImageSave,
        names: &["image save", "save"],
        usage: "[OPTIONS] IMAGE [IMAGE...]",
        about: "Save one or more images to a tar archive (streamed to STDOUT by default)",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Images,
        flags: &[SAVE],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImageLoad,
        names: &["image load", "load"],
        usage: "[OPTIONS]",
        about: "Load an image from a tar archive or STDIN",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[LOAD],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImageImport,
        names: &["image import", "import"],
        usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
        about: "Import the contents from a tarball to create a filesystem image",
        arguments: Arguments::AtLeast(1),
        takes: Takes::Paths,
        flags: &[IMPORT],
        order: Order::Any,
    },
    Spec {
        verb: Verb::ImagePrune,
        names: &["image prune"],
        usage: "[OPTIONS]",
        about: "Remove unused images",
        arguments: Arguments::None,
        takes: Takes::Nothing,
        flags: &[PRUNE],
        order: Order::Any,
    },
];

flags! { LS:
    "a" "all" Switch "" "Show all images (default hides intermediate images)";
    "" "digests" Switch "" "Show digests";
    "f" "filter" Filter "" "Filter output based on conditions provided";
    "" "format" Text "" FORMAT_LIST;
    "" "no-trunc" Switch "" "Don't truncate output";
    "q" "quiet" Switch "" "Only show image IDs";
    "" "tree" Switch "" "List multi-platform images as a tree (EXPERIMENTAL)" idle;
}

flags! { RM:
    "f" "force" Switch "" "Force removal of the image";
    "" "no-prune" Switch "" "Do not delete untagged parents";
    "" "platform" Strings "" "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")" idle;
}

flags! { PRUNE:
    "a" "all" Switch "" "Remove all unused images, not just dangling ones";
    "" "filter" Filter "" "Provide filter values (e.g. \"until=<timestamp>\")";
    "f" "force" Switch "" "Do not prompt for confirmation";
}

flags! { HISTORY:
    "" "format" Text "" FORMAT_LIST;
    "H" "human" Switch "true" "Print sizes and dates in human readable format";
    "" "no-trunc" Switch "" "Don't truncate output";
    "" "platform" Text "" "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")" idle;
    "q" "quiet" Switch "" "Only show image IDs";
}

flags! { INSPECT:
    "f" "format" Text "" FORMAT;
    "" "platform" Text "" "Inspect a specific platform of the multi-platform image.\nIf the image or the server is not multi-platform capable, the command will error out if the platform does not match.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)" idle;
}

flags! { SAVE:
    "o" "output" Text "" "Write to a file, instead of STDOUT";
    "" "platform" Text "" "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")" idle;
}

flags! { LOAD:
    "i" "input" Text "" "Read from tar archive file, instead of STDIN";
    "" "platform" Text "" "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")" idle;
    "q" "quiet" Switch "" "Suppress the load output";
}

flags! { IMPORT:
    "c" "change" List "" "Apply Dockerfile instruction to the created image";
    "m" "message" Text "" "Set commit message for imported image";
    "" "platform" Text "" "Set platform if server is multi-platform capable";
}
