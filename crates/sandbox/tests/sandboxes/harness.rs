//! Runs tests in a program whose `main` is our own.

#![expect(clippy::print_stdout, reason = "the results of tests are read there")]

use std::panic::catch_unwind;
use std::process::exit;

/// A name and what it names.
pub(crate) type Test = (&'static str, fn());

/// Tests of a file, by the names of their functions.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[$crate::harness::Test] = &[$((concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}

/// Says something about a test, or in the name of a program that a test started.
pub(crate) fn say(text: &str) {
    print!("{text}");
}

/// Runs those whose names contain one of the program's arguments, or all.
pub(crate) fn run(groups: &[&[Test]]) {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_list = std::env::args().any(|word| word == "--list");
    let is_asked_for = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let tests: Vec<&Test> = groups
        .iter()
        .copied()
        .flatten()
        .filter(|(name, _)| is_asked_for(name))
        .collect();
    if is_list {
        for (name, _) in &tests {
            println!("{name}: test");
        }
        return;
    }
    if let Some(reason) = crate::support::cannot_run() {
        println!("{} tests skipped: {reason}", tests.len());
        return;
    }
    let mut n_failed = 0;
    for (name, test) in &tests {
        let passed = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        n_failed += usize::from(!passed);
    }
    println!("{} passed, {n_failed} failed", tests.len() - n_failed);
    exit(i32::from(n_failed > 0));
}
