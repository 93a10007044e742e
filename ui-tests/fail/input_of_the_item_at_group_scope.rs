#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let first = x[&wg];
    wg.each(|item| y.set(&item, first));
}

fn main() {}
