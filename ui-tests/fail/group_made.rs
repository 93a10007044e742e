#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    let other = Workgroup::<1>::new([64, 1, 1]);
    other.each(|item| y.set(&item, 1));
}

fn main() {}
