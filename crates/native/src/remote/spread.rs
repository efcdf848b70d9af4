//! Which of several builders a build goes to: the same one every time, as its cache is warm there.
//!
//! Rendezvous hashing: every pair of builder and build has a score, and the highest wins. A builder that goes away takes
//! only its own builds with it, each to the builder that was second for it; all others stay where they were.

use oci::Digest;

/// The builders in the order in which a build called `name` should try them.
///
/// Depends on the addresses and the name only, not on the order in which the builders were given.
pub fn order<'a, T>(builders: &'a [T], name: &str) -> Vec<&'a T>
where
    T: ToString,
{
    let mut scored: Vec<(Digest, String, &T)> = builders
        .iter()
        .map(|builder| {
            let address = builder.to_string();
            (Digest::of(format!("{address}\0{name}").as_bytes()), address, builder)
        })
        .collect();
    // Digests that are equal have equal addresses.
    scored.sort_by(|a, b| (&b.0, &b.1).cmp(&(&a.0, &a.1)));
    scored.into_iter().map(|(_, _, builder)| builder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn builders(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("buildkit://b{number}:1234")).collect()
    }

    fn homes(builders: &[String]) -> BTreeMap<String, String> {
        let home = |build: usize| {
            let name = format!("build {build}");
            let first = order(builders, &name)[0].clone();
            (name, first)
        };
        (0..1000).map(home).collect()
    }

    #[test]
    fn a_builder_that_goes_away_moves_only_its_own_builds() {
        let all = builders(5);
        let before = homes(&all);
        for gone in &all {
            let rest: Vec<String> = all.iter().filter(|builder| *builder != gone).cloned().collect();
            let after = homes(&rest);
            for (build, home) in &before {
                if home == gone {
                    assert_eq!(&after[build], order(&all, build)[1], "{build} goes to its second");
                } else {
                    assert_eq!(&after[build], home, "{build} stays");
                }
            }
        }
    }

    #[test]
    fn builds_are_spread_evenly() {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for home in homes(&builders(5)).into_values() {
            *counts.entry(home).or_default() += 1;
        }
        assert_eq!(counts.len(), 5);
        // Two hundred each, give or take four standard deviations.
        assert!(counts.values().all(|count| (150..=250).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_order_in_which_builders_are_given_does_not_matter() {
        let mut all = builders(5);
        let before = homes(&all);
        all.reverse();
        assert_eq!(homes(&all), before);
    }
}
