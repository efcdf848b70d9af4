//! Sandboxes for real: processes in namespaces of their own, over a filesystem of one program.
//!
//! They need root and `/bin/busybox`; without, every test says that it was skipped.

mod attacks;
mod filesystems;
mod harness;
mod life;
mod processes;
mod rootless;
mod support;

fn main() {
    sandbox::init();
    rootless::probe();
    harness::run(&[
        processes::TESTS,
        life::TESTS,
        filesystems::TESTS,
        attacks::TESTS,
        rootless::TESTS,
    ]);
}
