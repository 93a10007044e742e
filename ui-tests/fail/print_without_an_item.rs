#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn tell(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    geobacter::println!(wg, "a group");
    wg.each(|item| y.set(&item, x[&item]));
}

fn main() {}
