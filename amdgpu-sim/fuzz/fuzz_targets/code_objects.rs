//! Any bytes as a code object. The first byte says for which GPU.

#![no_main]

#[path = "../../tests/support/fuzz/mod.rs"]
mod fuzz;

use fuzz::{TARGETS, client::Client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let [gpu, code_object @ ..] = input {
        let names = ["k0", "k1"].map(str::to_owned);
        Client::get().run(usize::from(*gpu) % TARGETS.len(), code_object, &names);
    }
});
