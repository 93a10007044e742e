#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, counts: Atomics<u32>) {
    counts.at(0).fetch_add(1);
}

fn main() {}
