//! The suites that cross crates lie in `tests/`; the browser's in `browser/`. There is nothing to compile here.
