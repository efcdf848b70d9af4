//! Sandboxes for real: processes in namespaces of their own, over a filesystem of one program.
//!
//! They need root and `/bin/busybox`; without, every test says that it was skipped.

mod harness;
mod life;
mod processes;
mod support;

fn main() {
    sandbox::init();
    harness::run(&[processes::TESTS, life::TESTS]);
}
