//! What was measured, as one Markdown table.

use std::time::Duration;

/// Rows of: what, our figure, those of the peers, and what is aimed at.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 4]>);

/// What a figure is to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Aim {
    /// So many times faster than the fastest of the peers.
    Faster(f64),
    /// At most so much: the figure, the limit, and its unit.
    AtMost(f64, f64, &'static str),
}

impl Table {
    /// A time beside those of peers. `aims` that name no peer compare with the fastest.
    pub(crate) fn times(&mut self, what: &str, ours: Duration, peers: &[(&str, Duration)], aims: &[(&str, Aim)]) {
        let theirs = peers.iter().map(|(name, taken)| format!("{name} {}", seconds(*taken)));
        let verdicts = aims.iter().map(|(against, aim)| verdict(*aim, ours, peers, against));
        self.row(
            what,
            seconds(ours),
            theirs.collect::<Vec<_>>().join(", "),
            verdicts.collect::<Vec<_>>().join("; "),
        );
    }

    /// What a time of ours, or of a peer's, cannot be below on this machine: how far ours is from it, and how much more than the peer
    /// anything could reach.
    pub(crate) fn least(&mut self, what: &str, least: Duration, ours: Duration, peer: Duration) {
        let times = |taken: Duration| taken.as_secs_f64() / least.as_secs_f64();
        let verdict = format!(
            "ours is {:.2} times that, the peer {:.2} times",
            times(ours),
            times(peer)
        );
        self.row(what, seconds(least), String::new(), verdict);
    }

    /// A figure of any kind.
    pub(crate) fn row(&mut self, what: &str, ours: String, theirs: String, verdict: String) {
        println!("  {what}: {ours} ({theirs}) {verdict}");
        self.0.push([what.to_owned(), ours, theirs, verdict]);
    }

    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let head = ["figure", "layerlab", "peers", "aim"].map(str::to_owned);
        let line = |row: &[String; 4]| format!("| {} |\n", row.join(" | "));
        let rule = "|---|---|---|---|\n".to_owned();
        [line(&head), rule].into_iter().chain(self.0.iter().map(line)).collect()
    }
}

/// Whether an aim is met, in words.
pub(crate) fn verdict(aim: Aim, ours: Duration, peers: &[(&str, Duration)], against: &str) -> String {
    match aim {
        Aim::Faster(times) => {
            let candidates = peers.iter().filter(|(name, _)| against.is_empty() || *name == against);
            let Some((name, taken)) = candidates.min_by_key(|(_, taken)| *taken) else {
                return "no peer".to_owned();
            };
            let ratio = taken.as_secs_f64() / ours.as_secs_f64();
            format!("{ratio:.1} × {name}, at least {times}: {}", met(ratio >= times))
        }
        Aim::AtMost(found, limit, unit) => format!("{found:.1} {unit}, at most {limit}: {}", met(found <= limit)),
    }
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// Seconds, with milliseconds below ten.
pub(crate) fn seconds(taken: Duration) -> String {
    if taken.as_secs() < 10 {
        format!("{:.3} s", taken.as_secs_f64())
    } else {
        format!("{:.1} s", taken.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_is_held_against_the_fastest_peer_or_the_one_it_names() {
        let peers = [("a", Duration::from_secs(6)), ("b", Duration::from_secs(3))];
        let ours = Duration::from_secs(1);
        assert_eq!(verdict(Aim::Faster(3.0), ours, &peers, ""), "3.0 × b, at least 3: met");
        assert_eq!(
            verdict(Aim::Faster(7.0), ours, &peers, "a"),
            "6.0 × a, at least 7: missed"
        );
        assert_eq!(
            verdict(Aim::AtMost(25.5, 25.0, "ms"), ours, &[], ""),
            "25.5 ms, at most 25: missed"
        );
    }
}
