//! Any bytes as the body of a kernel. The first byte says for which GPU, and how large its waves are.

#![no_main]

#[path = "../../tests/support/fuzz/mod.rs"]
mod fuzz;

use fuzz::{
    TARGETS,
    client::Client,
    elf::{Descriptor, Kernel, code_object},
    instructions,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [first, body @ ..] = input else { return };
    let gpu = usize::from(*first) % TARGETS.len();
    let mut descriptor = Descriptor::default();
    if *first >= 128 {
        descriptor.properties |= 1 << 10;
    }
    let mut code: Vec<u32> =
        body.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
    code.push(instructions::end(TARGETS[gpu]));
    Client::get().run(gpu, &code_object(TARGETS[gpu], &[Kernel { descriptor, code }]), &["k0".to_owned()]);
});
