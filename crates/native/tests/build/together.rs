//! Builds with others: stages beside each other, and machines that share what they have built.

use super::{BASE, Bench, Registry};
use crate::s3::S3;
use std::fs;

/// Two stages, a command in each, and what a third one takes from them.
fn two_stages(first: &str, second: &str) -> String {
    format!(
        "FROM base AS first\nRUN {first}\nFROM base AS second\nRUN {second}\n\
         FROM base\nCOPY --from=first /made /first\nCOPY --from=second /made /second\n"
    )
}

/// Comes to an end once the other one has begun, and gives up after about ten seconds.
fn meet(own: &str, other: &str) -> String {
    format!(
        "--mount=type=cache,id=place,target=/place touch /place/{own}; n=0; \
         until [ -e /place/{other} ]; do n=$((n+1)); [ $n -lt 1000 ] || exit 7; usleep 10000; done; echo {own} > /made"
    )
}

#[test]
fn stages_that_do_not_need_each_other_run_beside_each_other() {
    let Some(bench) = Bench::new() else { return };
    let text = two_stages(&meet("a", "b"), &meet("b", "a"));
    let files = bench.files(&text, &[]);
    assert_eq!(files["first"], "a\n");
    assert_eq!(files["second"], "b\n");
    assert_eq!(bench.leftovers(), 0);
}

#[test]
fn one_job_runs_one_command_after_the_other() {
    let Some(bench) = Bench::new() else { return };
    let first = "--mount=type=cache,id=place,target=/place echo a > /place/a; echo a > /made";
    let second = "--mount=type=cache,id=place,target=/place cat /place/a > /made";
    let files = bench.files(&two_stages(first, second), &["--jobs", "1"]);
    assert_eq!(files["second"], "a\n");
}

#[test]
fn a_locked_cache_belongs_to_one_command_at_a_time_and_nobody_waits_for_ever() {
    let Some(bench) = Bench::new() else { return };
    let alone = "--mount=type=cache,id=place,sharing=locked,target=/place \
                 --mount=type=cache,id=place,sharing=locked,target=/again \
                 mkdir /place/mine && usleep 100000 && rmdir /again/mine && echo yes > /made";
    let files = bench.files(&two_stages(alone, alone.replace("yes", "too").as_str()), &[]);
    assert_eq!(files["first"], "yes\n");
    assert_eq!(files["second"], "too\n");
}

#[test]
fn when_a_command_fails_those_beside_it_are_ended() {
    let Some(bench) = Bench::new() else { return };
    let begun = std::time::Instant::now();
    let fails = meet("a", "b").replace("echo a > /made", "exit 3");
    let lasts = format!("{}; sleep 1000", meet("b", "a"));
    let said = bench.build(&two_stages(&fails, &lasts), &[]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("exit code: 3"), "{}", said.stderr);
    assert!(said.stderr.contains("CANCELED"), "{}", said.stderr);
    assert!(begun.elapsed().as_secs() < 500, "it did not wait for the other one");
    assert_eq!(bench.leftovers(), 0);
}

const SHARED: &str = "FROM base AS tools\nRUN date +%N > /made\nRUN echo two >> /made\n\
                      FROM base\nCOPY --from=tools /made /made\nRUN cat /made > /again\n";

/// Builds with a root of its own, which knows nothing; says how many steps ran.
fn build_elsewhere(bench: &Bench, root: &str, words: &[&str]) -> (String, usize) {
    build_with(bench, root, words, &[])
}

fn build_with(bench: &Bench, root: &str, words: &[&str], variables: &[(&str, String)]) -> (String, usize) {
    bench.write("Dockerfile", &format!("{BASE}{SHARED}"));
    let all = [
        &["build", "--root", root, "--network", "none", "--iidfile", "id"],
        words,
        &["context"],
    ]
    .concat();
    let said = bench.run_with(&all, variables);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let (steps, cached) = (
        said.stderr.matches("] RUN ").count(),
        said.stderr.matches(" CACHED").count(),
    );
    assert!(steps >= 4, "{}", said.stderr);
    let id = fs::read_to_string(bench.0.join("id")).unwrap();
    // COPY busybox, RUN --install, two of the tools, COPY, RUN.
    (id, 6 - cached)
}

#[test]
fn a_cache_in_a_folder_spares_another_machine_the_work() {
    let Some(bench) = Bench::new() else { return };
    let (id, ran) = build_elsewhere(&bench, "one", &["--cache-to", "type=local,dest=shared,mode=max"]);
    assert_eq!(ran, 6);
    let (again, ran) = build_elsewhere(&bench, "two", &["--cache-from", "type=local,src=shared"]);
    assert_eq!((again.as_str(), ran), (id.as_str(), 0));
    // Without the stages below, their commands run; what the image takes from them is known by its content.
    build_elsewhere(&bench, "one", &["--cache-to", "type=local,dest=least,tag=x"]);
    let (same, ran) = build_elsewhere(&bench, "three", &["--cache-from", "type=local,src=least,tag=x"]);
    assert_eq!((same.as_str(), ran), (id.as_str(), 2));
    // Nobody has to have the cache.
    let (_, ran) = build_elsewhere(&bench, "four", &["--cache-from", "type=local,src=nowhere"]);
    assert_eq!(ran, 6);
}

#[test]
fn a_cache_in_a_registry_spares_another_machine_the_work() {
    let Some(bench) = Bench::new() else { return };
    let registry = Registry::new(&[]);
    let name = format!("{}/team/cache", registry.address);
    let to = format!("type=registry,ref={name},mode=max");
    let (id, _) = build_elsewhere(&bench, "one", &["--cache-to", &to]);
    let (again, ran) = build_elsewhere(&bench, "two", &["--cache-from", &name]);
    assert_eq!((again.as_str(), ran), (id.as_str(), 0));
    let manifest = registry.ask(
        "GET",
        "/v2/team/cache/manifests/latest",
        &[("Accept", "application/vnd.oci.image.manifest.v1+json")],
        b"",
    );
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.buildkit.cacheconfig.v0"
    );
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    assert!(layer["annotations"]["containerd.io/uncompressed"].is_string());
    let (_, ran) = build_elsewhere(
        &bench,
        "three",
        &["--cache-from", &format!("{}/team/nothing", registry.address)],
    );
    assert_eq!(ran, 6);
    let refused = bench.build("RUN true\n", &["--cache-to", "type=registry,ref=127.0.0.1:1/a"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("could not export the cache"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_team_shares_steps_and_images_in_a_bucket() {
    let Some(bench) = Bench::new() else { return };
    let s3 = S3::start();
    let store = ["--store", "s3://team/builds"];
    let named = [&store[..], &["-t", "app/base:1"]].concat();
    let (id, ran) = build_with(&bench, "one", &named, &s3.variables());
    assert_eq!(ran, 6);
    let (again, ran) = build_with(&bench, "two", &store, &s3.variables());
    assert_eq!((again.as_str(), ran), (id.as_str(), 0));
    // A third machine starts from the image that the first one named.
    bench.write(
        "Dockerfile",
        "FROM app/base:1\nRUN test -s /again && echo more > /more\n",
    );
    let on_top = [
        &["build", "--root", "three", "--network", "none"],
        &store[..],
        &["-o", "out", "context"],
    ]
    .concat();
    let said = bench.run_with(&on_top, &s3.variables());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(fs::read_to_string(bench.0.join("out/more")).unwrap(), "more\n");
    let said = bench.run(&["system", "fsck", "--root", "three"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    // Nothing that the bucket has is believed.
    for blob in fs::read_dir(s3.object("builds/blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let (other, ran) = build_with(&bench, "four", &store, &s3.variables());
    assert_ne!(other, id);
    assert_eq!(ran, 6);
    let said = bench.run_with(&on_top, &s3.variables()[..2]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("Missing SecretAccessKey"), "{}", said.stderr);
}
