//! Which manifest of an index a machine takes.

use oci::{Descriptor, Index, Platform};

/// The manifest of `index` for `host`: the best that runs there, the first of equals.
///
/// A machine runs its own variant and those before it, 64-bit machines also their 32-bit ancestors. Manifests without
/// platform count last. As Docker does it, an arm machine that finds nothing takes any arm.
///
/// Source: containerd, `platforms.Only`; moby, `filterManifests`.
pub fn choose<'a>(index: &'a Index, host: &Platform) -> Option<&'a Descriptor> {
    let wanted = vector(host);
    let rank = |descriptor: &Descriptor| match &descriptor.platform {
        None => Some(wanted.len()),
        Some(platform) => wanted.iter().position(|wanted| platform.matches(wanted)),
    };
    let ranked = index.manifests.iter().filter_map(|one| Some((rank(one)?, one)));
    let best = ranked.min_by_key(|(rank, _)| *rank).map(|(_, descriptor)| descriptor);
    best.or_else(|| {
        let host = host.clone().normalised();
        let is_arm = |platform: &Platform| {
            let platform = platform.clone().normalised();
            platform.os == host.os && platform.architecture == "arm"
        };
        let mut arms = index.manifests.iter();
        arms.find(|one| host.architecture == "arm" && one.platform.as_ref().is_some_and(is_arm))
    })
}

/// What runs on `host`, best first.
fn vector(host: &Platform) -> Vec<Platform> {
    let host = host.clone().normalised();
    let variant = |text: &str| Platform::new(&host.os, &host.architecture, text);
    let number: u8 = host.variant.trim_start_matches('v').parse().unwrap_or(0);
    let mut found = vec![host.clone()];
    match host.architecture.as_str() {
        "amd64" => {
            found.extend((1..number).rev().map(|n| variant(&format!("v{n}"))));
            found.push(Platform::new(&host.os, "386", ""));
        }
        "arm" => found.extend((5..number).rev().map(|n| variant(&format!("v{n}")))),
        "arm64" => {
            found.extend((8..number).rev().map(|n| variant(&format!("v{n}"))));
            found.extend((5..=8).rev().map(|n| Platform::new(&host.os, "arm", &format!("v{n}"))));
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::{Digest, media_type};

    fn index(platforms: &[&str]) -> Index {
        let host = Platform::linux_amd64();
        let manifest = |(at, text): (usize, &&str)| {
            let mut descriptor = Descriptor::new(media_type::OCI_MANIFEST, Digest::of(&[at as u8]), 1);
            descriptor.platform = (!text.is_empty()).then(|| match *text {
                "unknown" => Platform {
                    os: "unknown".to_owned(),
                    architecture: "unknown".to_owned(),
                    ..Platform::default()
                },
                text => Platform::parse(text, &host).expect("a platform"),
            });
            descriptor
        };
        Index::new(platforms.iter().enumerate().map(manifest).collect())
    }

    #[test]
    fn the_best_that_runs_is_taken() {
        for (host, platforms, taken) in [
            (
                "linux/amd64",
                &["linux/arm64", "linux/amd64", "linux/amd64"][..],
                Some(1),
            ),
            ("linux/amd64", &["linux/amd64/v2", "linux/386", "linux/amd64"], Some(2)),
            (
                "linux/amd64/v3",
                &["linux/amd64", "linux/amd64/v4", "linux/amd64/v2"],
                Some(2),
            ),
            ("linux/amd64", &["linux/386", "windows/amd64"], Some(0)),
            (
                "linux/arm/v7",
                &["linux/arm/v5", "linux/arm/v6", "linux/arm64"],
                Some(1),
            ),
            ("linux/arm/v6", &["linux/arm/v7"], Some(0)),
            ("linux/arm64", &["linux/arm/v7", "linux/arm64/v8"], Some(1)),
            ("linux/arm64", &["linux/arm/v6", "linux/arm/v7"], Some(1)),
            ("linux/s390x", &["linux/amd64", "unknown"], None),
            ("linux/s390x", &["", "linux/amd64"], Some(0)),
            ("linux/amd64", &["", "linux/amd64"], Some(1)),
            ("linux/amd64", &[], None),
        ] {
            let index = index(platforms);
            let host = Platform::parse(host, &Platform::linux_amd64()).expect("a platform");
            let chosen = choose(&index, &host);
            let at = chosen.map(|chosen| {
                index
                    .manifests
                    .iter()
                    .position(|one| one == chosen)
                    .expect("one of them")
            });
            assert_eq!(at, taken, "{host} {platforms:?}");
        }
    }
}
