#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, counts: Atomics<u32>, y: Out<u32>) {
    wg.each(|item| y.set(&item, counts[item.x()]));
    wg.each(|item| y.set(&item, counts.iter().sum()));
}

fn main() {}
