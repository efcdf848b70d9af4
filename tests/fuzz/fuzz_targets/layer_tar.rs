//! Feeds `checks::layer_tar`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| checks::layer_tar(bytes));
