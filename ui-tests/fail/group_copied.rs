#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    let other = wg.clone();
    other.each(|item| y.set(&item, 1));
}

fn main() {}
