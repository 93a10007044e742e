#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, counts: Atomics<u32>, y: Out<u32>) {
    wg.each(|item| {
        let ticket = wg.once(|leader| counts.at(0).fetch_add(&leader, 1));
        y.set(&item, ticket);
    });
}

fn main() {}
