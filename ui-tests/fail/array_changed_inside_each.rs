#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    let mut bins = [0; 16];
    wg.each(|item| bins[x[&item] as usize % 16] += 1);
    wg.each(|item| y.set(&item, bins[item.local_x() % 16]));
}

fn main() {}
