//! Any bytes as a code object. The first byte says for which GPU, and whether the others are the code object or say how a
//! valid one is changed: with the latter the fuzzer is past the ELF header at once.

#![no_main]

#[path = "../../tests/support/fuzz/mod.rs"]
mod fuzz;

use fuzz::{
    Input, TARGETS,
    client::Client,
    elf::{Descriptor, Kernel, code_object},
    instructions,
    mutate::mutate,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [first, rest @ ..] = input else { return };
    let gpu = usize::from(*first) % TARGETS.len();
    let names = ["k0", "k1"].map(str::to_owned);
    if *first >= 64 {
        Client::get().run(gpu, rest, &names);
        return;
    }
    let kernel = Kernel { descriptor: Descriptor::default(), code: vec![instructions::end(TARGETS[gpu])] };
    let mut changed = code_object(TARGETS[gpu], &[kernel.clone(), kernel]);
    mutate(&mut Input(rest), &mut changed);
    Client::get().run(gpu, &changed, &names);
});
