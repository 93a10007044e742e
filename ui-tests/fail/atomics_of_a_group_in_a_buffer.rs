#![forbid(unsafe_code)]
use geobacter::prelude::*;
use geobacter::atomic::scope;

#[kernel(workgroup = 64)]
fn mistake(item: Item<1>, counts: Atomics<u32, scope::Workgroup>) {
    counts.at(0).fetch_add(&item, 1);
}

fn main() {}
