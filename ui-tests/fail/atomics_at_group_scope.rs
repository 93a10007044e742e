#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, counts: Atomics<u32>, y: Out<u32>) {
    let ticket = counts.at(0).fetch_add(&wg, 1);
    wg.each(|item| y.set(&item, ticket));
}

fn main() {}
