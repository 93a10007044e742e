#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, a: Atomics<u8>, b: Atomics<bool>) {
    wg.each(|item| {
        a.at(0).fetch_add(&item, 1);
        b.at(0).store(&item, true);
    });
}

fn main() {}
