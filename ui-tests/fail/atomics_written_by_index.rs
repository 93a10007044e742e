#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(item: Item<1>, counts: Atomics<u32>, x: In<u32>) {
    counts[x[&item] as usize] += 1;
}

fn main() {}
