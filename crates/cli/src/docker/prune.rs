//! `docker … prune`.

use super::filters::PruneFilters;
use super::{Done, Fail, SUCCESS, Session};
use crate::units::size_exactly;
use crate::words::Call;
use builder::{Cache, Record};
use engine::{PruneImages, Removed};
use oci::{DiffId, Digest, Time};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What was removed of one kind, and the bytes it took.
struct Pruned {
    title: &'static str,
    lines: Vec<String>,
    bytes: u64,
}

pub(super) fn images(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let filters = PruneFilters::read(call.list("filter"), true, session.now)?;
    let all = call.on("all");
    let what = if all {
        "all images without at least one container associated to them"
    } else {
        "all dangling images"
    };
    confirm(call, session, &format!("WARNING! This will remove {what}.\n"))?;
    let pruned = prune_images(session, all, filters)?;
    Ok(report(session, vec![pruned]))
}

pub(super) fn containers(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let filters = PruneFilters::read(call.list("filter"), true, session.now)?;
    confirm(call, session, "WARNING! This will remove all stopped containers.\n")?;
    let pruned = prune_containers(session, &filters);
    Ok(report(session, vec![pruned]))
}

pub(super) fn volumes(call: &Call, session: &mut Session<'_, '_>) -> Done {
    if call.given("filter") {
        return Err(Fail::new("filters of volumes are not supported here"));
    }
    let all = call.on("all");
    let what = if all {
        "all local volumes"
    } else {
        "anonymous local volumes"
    };
    confirm(
        call,
        session,
        &format!("WARNING! This will remove {what} not used by at least one container.\n"),
    )?;
    let pruned = prune_volumes(session, all);
    Ok(report(session, vec![pruned]))
}

pub(super) fn builder(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let filters = PruneFilters::read(call.list("filter"), true, session.now)?;
    if !filters.labels.is_empty() {
        return Err(Fail::new("what is cached has no labels: expected the filter until"));
    }
    let keep = call.number("keep-storage").and_then(|bytes| u64::try_from(bytes).ok());
    let what = if call.on("all") {
        "all build cache"
    } else {
        "all dangling build cache"
    };
    confirm(call, session, &format!("WARNING! This will remove {what}. "))?;
    let pruned = prune_cache(session, filters.until, keep.unwrap_or(0));
    Ok(report(session, vec![pruned]))
}

pub(super) fn system(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let (all, with_volumes) = (call.on("all"), call.on("volumes"));
    let list = call.list("filter");
    let filters = PruneFilters::read(list, true, session.now)?;
    if with_volumes && filters.until.is_some() {
        return Err(Fail::new(
            "ERROR: The \"until\" filter is not supported with \"--volumes\"",
        ));
    }
    let mut warning = String::from(
        "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n",
    );
    if with_volumes {
        warning.push_str("  - all anonymous volumes not used by at least one container\n");
    }
    warning.push_str(if all {
        "  - all images without at least one container associated to them\n  - all build cache\n"
    } else {
        "  - all dangling images\n  - unused build cache\n"
    });
    if !list.is_empty() {
        warning.push_str("\n  Items to be pruned will be filtered with:\n");
        let mut sorted = list.to_vec();
        sorted.sort();
        for filter in sorted {
            writeln!(warning, "  - {filter}").expect("a String takes all text");
        }
    }
    warning.push('\n');
    confirm(call, session, &warning)?;
    let is_filtered = !list.is_empty();
    let mut pruned = vec![prune_containers(session, &filters)];
    if with_volumes && filters.labels.is_empty() {
        pruned.push(prune_volumes(session, false));
    }
    pruned.push(prune_images(session, all, filters)?);
    // What is cached has no labels.
    if !is_filtered {
        pruned.push(prune_cache(session, None, 0));
    }
    Ok(report(session, pruned))
}

fn confirm(call: &Call, session: &mut Session<'_, '_>, warning: &str) -> Result<(), Fail> {
    if call.on("force") {
        Ok(())
    } else {
        session.confirm(warning)
    }
}

fn prune_images(session: &mut Session<'_, '_>, all: bool, filters: PruneFilters) -> Result<Pruned, Fail> {
    let pruned = session.daemon.prune_images(&PruneImages {
        all,
        until: filters.until,
        labels: filters.labels,
    })?;
    // Here Docker writes them small.
    let line = |removed: &Removed| {
        removed.to_string().replacen(
            ['U', 'D'],
            if matches!(removed, Removed::Untagged(_)) {
                "u"
            } else {
                "d"
            },
            1,
        )
    };
    Ok(Pruned {
        title: "Deleted Images:",
        lines: pruned.removed.iter().map(line).collect(),
        bytes: pruned.reclaimed,
    })
}

fn prune_containers(session: &mut Session<'_, '_>, filters: &PruneFilters) -> Pruned {
    let pruned = session.daemon.prune_containers(filters.until, &filters.labels);
    Pruned {
        title: "Deleted Containers:",
        lines: pruned.ids,
        bytes: pruned.reclaimed,
    }
}

fn prune_volumes(session: &mut Session<'_, '_>, all: bool) -> Pruned {
    let pruned = session.daemon.prune_volumes(all);
    Pruned {
        title: "Deleted Volumes:",
        lines: pruned.names,
        bytes: pruned.reclaimed,
    }
}

/// Drops results from the cache, the oldest first, until no more than `keep` bytes are left; with `until`, only those that are older.
/// The results that images hold cost nothing.
fn prune_cache(session: &mut Session<'_, '_>, until: Option<Time>, keep: u64) -> Pruned {
    let held: BTreeSet<DiffId> = session
        .daemon
        .images()
        .flat_map(|image| image.image.layers.iter().map(|layer| layer.diff_id))
        .collect();
    let cost = |record: &Record| match &record.layer {
        Some(layer) if !held.contains(&layer.diff_id) => layer.bytes(),
        _ => 0,
    };
    let mut records = session.cache.records().clone();
    let mut left: u64 = records.results.values().map(cost).sum();
    let mut oldest: Vec<(Time, Digest, u64)> = records
        .results
        .iter()
        .map(|(key, record)| (record.created, *key, cost(record)))
        .collect();
    oldest.sort_unstable();
    let (mut lines, mut bytes) = (Vec::new(), 0);
    for (created, key, cost) in oldest {
        if until.is_some_and(|until| created >= until) || (keep > 0 && left <= keep) {
            break;
        }
        records.results.remove(&key);
        lines.push(key.hex()[..25].to_owned());
        left -= cost;
        bytes += cost;
    }
    *session.cache = if records.results.is_empty() {
        Cache::default()
    } else {
        for keys in records.links.values_mut() {
            keys.retain(|key| records.results.contains_key(key));
        }
        records.links.retain(|_, keys| !keys.is_empty());
        Cache::of_records(records)
    };
    Pruned {
        title: "Deleted build cache objects:",
        lines,
        bytes,
    }
}

/// Prints what was removed, and the bytes in all.
fn report(session: &mut Session<'_, '_>, all: Vec<Pruned>) -> super::Outcome {
    let bytes = all.iter().map(|pruned| pruned.bytes).sum();
    for pruned in all.iter().filter(|pruned| !pruned.lines.is_empty()) {
        session.console.line(pruned.title);
        for line in &pruned.lines {
            session.console.line(line);
        }
        session.console.print("\n");
    }
    session
        .console
        .line(&format!("Total reclaimed space: {}", size_exactly(bytes)));
    SUCCESS
}
