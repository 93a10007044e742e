#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let doubled = wg.each(|item| 2.0 * x[&item]);
    wg.each(|item| y.set(&item, doubled));
}

fn main() {}
