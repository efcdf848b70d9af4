//! Nothing acknowledged is lost: power cuts, kills, full disks and full tables while images are built, loaded, named and removed.
//!
//! A power cut needs root, and loop mounts of XFS and ext4: `cargo xtask test peers` installs what they take. Its moments are drawn from a
//! seed that is printed; `LAYERLAB_SEED` sets it, `LAYERLAB_CUTS` says how many there are.

#![expect(
    clippy::print_stdout,
    reason = "the seed and the cut that failed are what it takes to see it again"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Numbers that look random: the same ones for a seed.
struct Random(u64);

impl Random {
    /// Those of this run, and a word that tells one use from another.
    fn new(word: u64) -> Random {
        let seed = number("LAYERLAB_SEED").unwrap_or(20_261_126);
        println!("LAYERLAB_SEED={seed}");
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ word.wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    /// One below `limit`.
    ///
    /// Source: Marsaglia, "Xorshift RNGs".
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A folder that goes away, with everything that was mounted in it.
struct Bench {
    dir: PathBuf,
    mounts: Mutex<Vec<PathBuf>>,
}

impl Bench {
    fn new() -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "layerlab-durable-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        Bench {
            dir,
            mounts: Mutex::default(),
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.join(below)
    }

    fn mount(&self, words: &[&str], at: &str) -> PathBuf {
        let place = self.path(at);
        fs::create_dir_all(&place).unwrap();
        sure(Command::new("mount").args(words).arg(&place));
        self.mounts.lock().unwrap().push(place.clone());
        place
    }

    fn unmount(&self, place: &Path) {
        sure(Command::new("umount").arg(place));
        self.mounts.lock().unwrap().retain(|mounted| mounted != place);
    }

    /// A context that makes an image like no other, of small files.
    fn context(&self, name: &str, random: &mut Random) -> PathBuf {
        self.context_up_to(name, random, 18)
    }

    /// The same with a file of less than two to the power of `largest` bytes.
    fn context_up_to(&self, name: &str, random: &mut Random, largest: u64) -> PathBuf {
        let folder = self.path("contexts").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join("Dockerfile"),
            "FROM scratch\nCOPY a b /\nCOPY c /d/\nLABEL x=y\n",
        )
        .unwrap();
        for (file, largest) in [("a", 18), ("b", 18), ("c", largest)] {
            let length = 1 << random.below(largest);
            let bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
            fs::write(folder.join(file), bytes).unwrap();
        }
        folder
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        while let Some(place) = self.mounts.lock().unwrap().pop() {
            let _ = Command::new("umount").arg("-l").arg(&place).status();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Runs a program that must succeed.
fn sure(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn layerlab(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
    command
        .args(words)
        .env_clear()
        .env("LAYERLAB_ROOT", root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Names of images and their IDs.
fn listed(root: &Path) -> BTreeMap<String, String> {
    let words = ["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"];
    let output = sure(&mut layerlab(root, &words));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
}

/// Checks the whole store, and that every image in it can be written with all its bytes.
fn check_sound(root: &Path) {
    sure(&mut layerlab(root, &["system", "fsck"]));
    let names: Vec<String> = listed(root)
        .into_keys()
        .filter(|name| !name.contains("<none>"))
        .collect();
    if !names.is_empty() {
        let words: Vec<&str> = ["save"].into_iter().chain(names.iter().map(String::as_str)).collect();
        sure(layerlab(root, &words).stdout(Stdio::null()));
    }
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// It was acknowledged that it names this image; empty for one that nobody remembers.
    Names(String),
    /// It was acknowledged that it is gone, or it never was.
    Gone,
    /// Something was begun that changes it, and not acknowledged.
    Unsure,
}

/// What was acknowledged of each name.
#[derive(Debug, Clone, Default)]
struct Ledger(Arc<Mutex<Names>>);

/// Of each name how often it changed, and what is known of it.
type Names = BTreeMap<String, (u64, Known)>;

impl Ledger {
    fn now(&self) -> Names {
        self.0.lock().unwrap().clone()
    }

    fn set(&self, name: &str, known: Known) {
        let mut names = self.0.lock().unwrap();
        let count = names.get(name).map_or(0, |(count, _)| count + 1);
        names.insert(name.to_owned(), (count, known));
    }

    /// Runs a command that makes of `name` what `then` says of its output. Whether it succeeded.
    fn run(&self, name: &str, mut command: Command, then: impl FnOnce(&Output) -> Known) -> bool {
        self.set(name, Known::Unsure);
        let output = command.output().unwrap();
        if output.status.success() {
            self.set(name, then(&output));
        }
        output.status.success()
    }
}

/// Holds what is there against what was known before and after the moment of a cut.
fn compare(root: &Path, before: &Names, after: &Names) {
    let there = listed(root);
    for (name, known) in before {
        if after.get(name) != Some(known) {
            continue;
        }
        match &known.1 {
            Known::Names(id) => assert_eq!(there.get(name), Some(id), "{name} was acknowledged"),
            Known::Gone => assert_eq!(there.get(name), None, "{name} was removed"),
            Known::Unsure => {}
        }
    }
}

fn id_of(output: &Output) -> Known {
    Known::Names(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Builds, loads, names, removes and prunes until it is told to stop. The names of different `worker`s are different.
fn work(bench: &Bench, root: &Path, worker: u64, ledger: &Ledger, stop: &AtomicBool) {
    let mut random = Random::new(worker);
    let name = |what: &str, number: u64| format!("{what}{worker}:{number}");
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let built = name("built", number);
        // Large files go another way to the disk.
        let context = bench.context_up_to(&format!("{worker}-{number}"), &mut random, 23);
        let context = context.to_str().unwrap();
        ledger.run(&built, layerlab(root, &["preview", "-q", "-t", &built, context]), id_of);
        let (_, Known::Names(id)) = ledger.now()[&built].clone() else {
            continue;
        };
        let tagged = name("tagged", number);
        ledger.run(&tagged, layerlab(root, &["tag", &built, &tagged]), |_| {
            Known::Names(id.clone())
        });
        if number % 2 == 1 {
            // An archive that is loaded under a name that was taken away.
            let archive = bench.path(&format!("{worker}.tar"));
            let archive = archive.to_str().unwrap();
            let saved = layerlab(root, &["save", &tagged, "-o", archive]).output().unwrap();
            ledger.run(&tagged, layerlab(root, &["rmi", &tagged]), |_| Known::Gone);
            if saved.status.success() {
                ledger.run(&tagged, layerlab(root, &["load", "-i", archive]), |_| {
                    Known::Names(id.clone())
                });
            }
        }
        if number >= 3 {
            let old = name("built", number - 3);
            ledger.run(&old, layerlab(root, &["rmi", &old]), |_| Known::Gone);
        }
        if number >= 5 {
            let old = name("tagged", number - 5);
            ledger.run(&old, layerlab(root, &["rmi", "-f", &old]), |_| Known::Gone);
        }
        if number % 4 == 3 {
            let prune = ["builder prune -af", "image prune -f", "system prune -f"][random.below(3) as usize];
            let words: Vec<&str> = prune.split(' ').collect();
            let _ = layerlab(root, &words).output().unwrap();
        }
    }
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let cuts = number("LAYERLAB_CUTS").unwrap_or(40);
    let bench = Bench::new();
    // A filesystem that copies a file at once, whatever is written to it meanwhile: the copy is what a cut leaves.
    image(&bench.path("outer.img"), "4G");
    sure(
        Command::new("mkfs.xfs")
            .args(["-q", "-m", "reflink=1"])
            .arg(bench.path("outer.img")),
    );
    let outer = bench.mount(&["-o", "loop", bench.path("outer.img").to_str().unwrap()], "outer");
    let (disk, copy) = (outer.join("disk.img"), outer.join("copy.img"));
    image(&disk, "1G");
    sure(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk));
    let inner = bench.mount(&["-o", "loop", disk.to_str().unwrap()], "inner");
    let root = inner.join("root");
    let (ledger, stop) = (Ledger::default(), AtomicBool::new(false));
    let mut random = Random::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (1..=2)
            .map(|worker| {
                scope.spawn({
                    let (bench, root, ledger, stop) = (&bench, &root, &ledger, &stop);
                    move || work(bench, root, worker, ledger, stop)
                })
            })
            .collect();
        let checked = scope.spawn(|| {
            let _end = Stop(&stop);
            for cut in 0..cuts {
                // The moment of the cut is what varies.
                thread::sleep(Duration::from_millis(random.below(400)));
                let before = ledger.now();
                sure(Command::new("cp").arg("--reflink=always").args([&disk, &copy]));
                let after = ledger.now();
                let cut_off = bench.mount(&["-o", "loop", copy.to_str().unwrap()], "cut");
                println!("cut {cut}: {} names", before.len());
                if cut_off.join("root/store/index.json").exists() {
                    check_sound(&cut_off.join("root"));
                    compare(&cut_off.join("root"), &before, &after);
                } else {
                    assert!(before.values().all(|known| !matches!(known.1, Known::Names(_))));
                }
                bench.unmount(&cut_off);
            }
        });
        checked.join().unwrap();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    check_sound(&root);
}

/// Ends the workers, however the checks end.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file of this size with nothing in it.
fn image(path: &Path, size: &str) {
    sure(Command::new("truncate").args(["-s", size]).arg(path));
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let kills = number("LAYERLAB_KILLS").unwrap_or(60);
    let bench = Bench::new();
    let root = bench.path("root");
    let mut random = Random::new(3);
    let ledger = Ledger::default();
    let killed = |command: &mut Command, after: u64| -> Option<Output> {
        let mut child: Child = command.spawn().unwrap();
        // The moment of the kill is what varies.
        thread::sleep(Duration::from_micros(after));
        let is_over = child.try_wait().unwrap().is_some();
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        (is_over && output.status.success()).then_some(output)
    };
    for number in 0..kills {
        let name = format!("built:{}", number % 7);
        let context = bench.context(&number.to_string(), &mut random);
        // What commands write comes from the disk again.
        let builder = if number % 2 == 0 { "preview" } else { "build" };
        if builder == "build" {
            fs::copy("/bin/busybox", context.join("busybox")).unwrap();
            let text = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY a b /\n\
                        RUN [\"/bin/busybox\", \"sh\", \"-c\", \"cat /a /b > /both; rm /a\"]\n";
            fs::write(context.join("Dockerfile"), text).unwrap();
        }
        let words: Vec<String> = match random.below(4) {
            0 => ["rmi", "-f", &name].map(str::to_owned).to_vec(),
            1 => ["system", "prune", "-af"].map(str::to_owned).to_vec(),
            _ => [builder, "-q", "-t", &name, context.to_str().unwrap()]
                .map(str::to_owned)
                .to_vec(),
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let before = ledger.now();
        match words[0] {
            "system" => {
                // All images go, or some.
                for name in before.keys() {
                    ledger.set(name, Known::Unsure);
                }
            }
            _ => ledger.set(&name, Known::Unsure),
        }
        let done = killed(&mut layerlab(&root, &words), random.below(400_000));
        match (words[0], done) {
            ("rmi", Some(_)) => ledger.set(&name, Known::Gone),
            ("preview" | "build", Some(output)) => ledger.set(&name, id_of(&output)),
            ("system", Some(_)) => before.keys().for_each(|name| ledger.set(name, Known::Gone)),
            _ => {}
        }
        check_sound(&root);
        let now = ledger.now();
        compare(&root, &now, &now);
    }
    let folders = fs::read_dir(root.join("store/ingest")).unwrap().count();
    assert_eq!(folders, 0, "what the killed ones left is taken away");
}

#[test]
fn a_full_disk_is_one_clear_error_and_what_was_there_stays() {
    let bench = Bench::new();
    let disk = bench.mount(&["-t", "tmpfs", "-o", "size=3m", "none"], "disk");
    let root = disk.join("root");
    let (mut random, mut there) = (Random::new(4), BTreeMap::new());
    let mut n_failed = 0;
    for number in 0..40 {
        let name = format!("built:{number}");
        let context = bench.context(&number.to_string(), &mut random);
        let words = ["preview", "-q", "-t", &name, context.to_str().unwrap()];
        let output = layerlab(&root, &words).output().unwrap();
        if output.status.success() {
            there.insert(name, String::from_utf8(output.stdout).unwrap().trim().to_owned());
        } else {
            n_failed += 1;
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(said.matches("error: ").count(), 1, "{said}");
            assert!(said.contains("No space left on device"), "{said}");
        }
        assert_eq!(listed(&root), there);
    }
    assert!(n_failed > 0 && !there.is_empty());
    check_sound(&root);
    // Room can be made.
    sure(&mut layerlab(&root, &["system", "prune", "-af"]));
    let context = bench.path("contexts/0");
    sure(&mut layerlab(
        &root,
        &["preview", "-q", "-t", "again", context.to_str().unwrap()],
    ));
    check_sound(&root);
}

#[test]
fn a_full_table_of_descriptors_is_one_clear_error() {
    let bench = Bench::new();
    let root = bench.path("root");
    let context = bench.context("a", &mut Random::new(5));
    let context = context.to_str().unwrap();
    sure(&mut layerlab(&root, &["preview", "-q", "-t", "first:1", context]));
    let before = listed(&root);
    let mut codes = Vec::new();
    for limit in 4..24 {
        let script = format!("ulimit -n {limit}; exec \"$0\" preview -q -t second:1 \"$1\"");
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_layerlab"), context])
            .env("LAYERLAB_ROOT", &root)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        codes.push(output.status.success());
        if output.status.success() {
            sure(&mut layerlab(&root, &["rmi", "second:1"]));
        } else if limit > 5 {
            assert_eq!(said.matches("error: ").count(), 1, "{limit}: {said}");
        }
        assert_eq!(listed(&root), before, "{limit}");
    }
    assert!(codes.contains(&true) && codes.contains(&false), "{codes:?}");
    check_sound(&root);
}

#[test]
fn a_disk_that_cannot_be_written_is_one_clear_error() {
    let bench = Bench::new();
    let disk = bench.mount(&["-t", "tmpfs", "-o", "size=8m", "none"], "disk");
    let root = disk.join("root");
    let context = bench.context("a", &mut Random::new(6));
    let context = context.to_str().unwrap();
    sure(&mut layerlab(&root, &["preview", "-q", "-t", "first:1", context]));
    let before = listed(&root);
    sure(Command::new("mount").args(["-o", "remount,ro"]).arg(&disk));
    for words in [
        &["preview", "-q", "-t", "second:1", context][..],
        &["tag", "first:1", "second:1"],
        &["rmi", "first:1"],
        &["system", "prune", "-af"],
    ] {
        let output = layerlab(&root, words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert!(said.contains("Read-only file system"), "{said}");
    }
    sure(Command::new("mount").args(["-o", "remount,rw"]).arg(&disk));
    assert_eq!(listed(&root), before);
    check_sound(&root);
}
