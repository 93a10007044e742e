#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, flags: Atomics<f32>) {
    wg.each(|item| {
        flags.at(0).fetch_and(&item, 1.0);
    });
}

fn main() {}
