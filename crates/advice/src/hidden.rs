//! `hidden-bytes`: files that one line ships and a later line hides, so that they are sent and never seen.

use crate::scene::WORTH_BYTES;
use crate::{Advice, Scene, figures, lists, secret};
use std::collections::BTreeMap;
use store::{Content, Fate, Hiding};

const CODE: &str = "hidden-bytes";

/// What the later line does to the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Deletes,
    ShipsAgain,
    Replaces,
}

#[derive(Default)]
struct Sum {
    bytes: u64,
    simulated: bool,
}

pub(crate) fn advise(scene: &Scene<'_>) -> Vec<Advice> {
    let mut sums: BTreeMap<(usize, usize, Doing), Sum> = BTreeMap::new();
    for file in scene.shipped.iter().flat_map(|shipped| &shipped.usage.files) {
        let Fate::Hidden { by, how } = &file.fate else { continue };
        let (Some(writer), Some(hider)) = (scene.maker(file.layer), scene.maker(*by)) else {
            continue;
        };
        // Those have advice of their own.
        if lists::is_cache(file.path.as_str()) || secret::is_shipped_secret(scene, writer, file) {
            continue;
        }
        let sum = sums.entry((writer, hider, doing(how))).or_default();
        sum.bytes += file.content.size();
        sum.simulated |= matches!(file.content, Content::Absent { .. }) || scene.is_simulated(writer);
    }
    let worth = sums.into_iter().filter(|(_, sum)| sum.bytes >= WORTH_BYTES);
    worth
        .map(|((writer, hider, doing), sum)| advice(scene, writer, hider, doing, &sum))
        .collect()
}

fn doing(how: &Hiding) -> Doing {
    match how {
        Hiding::Deleted | Hiding::ParentDeleted(_) | Hiding::Opaque(_) => Doing::Deletes,
        Hiding::SameContent => Doing::ShipsAgain,
        Hiding::Overwritten | Hiding::Replaced(_) => Doing::Replaces,
    }
}

fn advice(scene: &Scene<'_>, writer: usize, hider: usize, doing: Doing, sum: &Sum) -> Advice {
    let (writer, step) = (&scene.plan.steps[writer], &scene.plan.steps[hider]);
    let (first, line) = (writer.lines.0, step.lines.0);
    let size = figures::bytes(sum.bytes, sum.simulated);
    let (message, hint) = match doing {
        Doing::Deletes => (
            format!(
                "Line {line} deletes {size} that line {first} wrote: the layer of line {first} is sent with them all the same."
            ),
            format!(
                "Delete them in line {first} itself, or make them in a stage of their own and copy what is wanted."
            ),
        ),
        Doing::ShipsAgain => (
            format!(
                "Line {line} changes only the owner, mode or time of {size} that line {first} wrote: all of it is sent twice."
            ),
            "Give --chown or --chmod to the COPY, or change them in the RUN that writes the files.".to_owned(),
        ),
        Doing::Replaces => (
            format!("Line {line} replaces {size} that line {first} wrote: what it replaces is sent all the same."),
            format!("Write these files once: join line {line} and line {first}, or leave out what is replaced."),
        ),
    };
    Advice {
        bytes: Some(sum.bytes),
        ..Advice::of(CODE, step, message, hint)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, codes};

    const TEXT: &str = "FROM scratch\nRUN make\nRUN rm -rf /build\n";

    #[test]
    fn bytes_that_a_later_line_deletes_are_counted() {
        let bench = Bench::new(TEXT, &[]).layers(&[&[("build/o", 41_200_000)], &[("build/.wh.o", 0)]]);
        let found = bench.advise();
        assert_eq!(
            found[0].message,
            "Line 3 deletes 41.2 MB (simulated) that line 2 wrote: the layer of line 2 is sent with them all the same."
        );
        assert_eq!(
            (found[0].code, found[0].line, found[0].bytes),
            ("hidden-bytes", 3, Some(41_200_000))
        );
    }

    #[test]
    fn a_change_of_owner_ships_everything_twice() {
        let text = "FROM scratch\nCOPY . /app\nRUN chown -R 1 /app\n";
        let bench = Bench::new(text, &[]).layers(&[&[("app/a", 2_000_000)], &[("app/a", 2_000_000)]]);
        let found = bench.advise();
        assert!(found[0].message.contains("is sent twice"), "{}", found[0].message);
    }

    #[test]
    fn small_things_and_things_that_stay_are_not_worth_a_word() {
        let small = Bench::new(TEXT, &[]).layers(&[&[("build/o", 900)], &[("build/.wh.o", 0)]]);
        let stays = Bench::new(TEXT, &[]).layers(&[&[("build/o", 41_200_000)], &[("other", 41_200_000)]]);
        assert_eq!(codes(&small.advise()), Vec::<&str>::new());
        assert_eq!(codes(&stays.advise()), Vec::<&str>::new());
    }
}
