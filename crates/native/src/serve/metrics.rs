//! Figures for Prometheus, named as those of `registry:2`.

use registry::Method;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper ends of the buckets, in seconds, as Prometheus has them by default.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts of what was answered.
#[derive(Default)]
pub(super) struct Metrics(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// By handler, method and status.
    requests: BTreeMap<(&'static str, &'static str, u16), u64>,
    durations: BTreeMap<(&'static str, &'static str), Histogram>,
    received: BTreeMap<&'static str, u64>,
    sent: BTreeMap<&'static str, u64>,
    collections: u64,
    collected_blobs: u64,
    collected_bytes: u64,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    secs: f64,
}

/// One request that was answered.
pub(super) struct Sample<'a> {
    pub(super) path: &'a str,
    pub(super) method: Method,
    pub(super) status: u16,
    /// Bytes of its body.
    pub(super) received: u64,
    /// Bytes of the answer's body.
    pub(super) sent: u64,
    /// Until the first byte of the answer.
    pub(super) took: Duration,
}

impl Metrics {
    pub(super) fn count(&self, sample: &Sample<'_>) {
        let handler = handler(sample.path);
        let method = method(sample.method);
        let secs = sample.took.as_secs_f64();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.requests.entry((handler, method, sample.status)).or_default() += 1;
        *counts.received.entry(handler).or_default() += sample.received;
        *counts.sent.entry(handler).or_default() += sample.sent;
        let histogram = counts.durations.entry((handler, method)).or_default();
        for (bucket, end) in histogram.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(secs <= end);
        }
        histogram.count += 1;
        histogram.secs += secs;
    }

    /// Notes a collection of garbage.
    pub(super) fn collected(&self, blobs: u64, bytes: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.collections += 1;
        counts.collected_blobs += blobs;
        counts.collected_bytes += bytes;
    }

    /// All of it, in the text format.
    ///
    /// Source: Prometheus, "Exposition formats", text format 0.0.4.
    pub(super) fn render(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        head(
            &mut text,
            "registry_http_requests_total",
            "counter",
            "Requests that were answered.",
        );
        for ((handler, method, code), count) in &counts.requests {
            let labels = format!("code=\"{code}\",handler=\"{handler}\",method=\"{method}\"");
            let _ = writeln!(text, "registry_http_requests_total{{{labels}}} {count}");
        }
        render_durations(&mut text, &counts.durations);
        for (name, help, sums) in [
            (
                "registry_http_request_bytes_total",
                "Bytes of bodies that were read.",
                &counts.received,
            ),
            (
                "registry_http_response_bytes_total",
                "Bytes of bodies that answers have.",
                &counts.sent,
            ),
        ] {
            head(&mut text, name, "counter", help);
            for (handler, bytes) in sums {
                let _ = writeln!(text, "{name}{{handler=\"{handler}\"}} {bytes}");
            }
        }
        for (name, help, value) in [
            (
                "registry_collections_total",
                "Collections of garbage.",
                counts.collections,
            ),
            (
                "registry_collected_blobs_total",
                "Blobs that nobody referred to and that were deleted.",
                counts.collected_blobs,
            ),
            (
                "registry_collected_bytes_total",
                "Bytes of those blobs.",
                counts.collected_bytes,
            ),
        ] {
            head(&mut text, name, "counter", help);
            let _ = writeln!(text, "{name} {value}");
        }
        drop(counts);
        render_process(&mut text);
        text
    }
}

fn render_durations(text: &mut String, durations: &BTreeMap<(&'static str, &'static str), Histogram>) {
    let name = "registry_http_request_duration_seconds";
    head(text, name, "histogram", "Time until an answer begins.");
    for ((handler, method), histogram) in durations {
        let labels = format!("handler=\"{handler}\",method=\"{method}\"");
        for (count, end) in histogram.buckets.iter().zip(BUCKETS) {
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{end}\"}} {count}");
        }
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", histogram.count);
        let _ = writeln!(text, "{name}_sum{{{labels}}} {}", histogram.secs);
        let _ = writeln!(text, "{name}_count{{{labels}}} {}", histogram.count);
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// What every Prometheus client says of its process.
fn render_process(text: &mut String) {
    let resident = fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    if let Some(kib) = resident {
        head(
            text,
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory size in bytes.",
        );
        let _ = writeln!(text, "process_resident_memory_bytes {}", kib << 10);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        head(text, "process_open_fds", "gauge", "Number of open file descriptors.");
        let _ = writeln!(text, "process_open_fds {}", open.count());
    }
}

/// What a path is for. Only names of our own become labels: what clients send would be without bound.
fn handler(path: &str) -> &'static str {
    let parts: Vec<&str> = path.trim_end_matches('/').rsplit('/').take(3).collect();
    match parts.as_slice() {
        ["_catalog", "v2", ..] => "catalog",
        ["list", "tags", ..] => "tags",
        ["uploads", "blobs", ..] => "blob_upload",
        [_, "uploads", "blobs"] => "blob_upload_chunk",
        [_, "blobs", ..] => "blob",
        [_, "manifests", ..] => "manifest",
        [_, "referrers", ..] => "referrers",
        ["v2", ..] => "base",
        _ => "other",
    }
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Head => "head",
        Method::Post => "post",
        Method::Patch => "patch",
        Method::Put => "put",
        Method::Delete => "delete",
        Method::Options => "options",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_they_are_for_and_never_by_what_clients_send() {
        let metrics = Metrics::default();
        for (path, took) in [
            ("/v2/", 1),
            ("/v2/a/b/manifests/v1", 30),
            ("/v2/x\"}/manifests/v2", 30),
            ("/x\n1", 1),
        ] {
            metrics.count(&Sample {
                path,
                method: Method::Get,
                status: 200,
                received: 0,
                sent: 10,
                took: Duration::from_millis(took),
            });
        }
        let text = metrics.render();
        for line in [
            "registry_http_requests_total{code=\"200\",handler=\"base\",method=\"get\"} 1",
            "registry_http_requests_total{code=\"200\",handler=\"manifest\",method=\"get\"} 2",
            "registry_http_request_duration_seconds_bucket{handler=\"manifest\",method=\"get\",le=\"0.025\"} 0",
            "registry_http_request_duration_seconds_bucket{handler=\"manifest\",method=\"get\",le=\"0.05\"} 2",
            "registry_http_response_bytes_total{handler=\"manifest\"} 20",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("v1") && !text.contains("\"}/"), "{text}");
    }

    #[test]
    fn every_route_has_its_handler() {
        for (path, expected) in [
            ("/v2/", "base"),
            ("/v2", "base"),
            ("/v2/_catalog", "catalog"),
            ("/v2/a/tags/list", "tags"),
            ("/v2/a/blobs/uploads/", "blob_upload"),
            ("/v2/a/blobs/uploads/5f3c", "blob_upload_chunk"),
            ("/v2/a/b/blobs/sha256:00", "blob"),
            ("/v2/a/manifests/x", "manifest"),
            ("/v2/a/referrers/sha256:00", "referrers"),
            ("/", "other"),
            ("", "other"),
        ] {
            assert_eq!(handler(path), expected, "{path}");
        }
    }
}
