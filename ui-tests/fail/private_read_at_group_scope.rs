#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let sum = wg.private(0.0);
    wg.each(|item| sum.set(&item, x[&item]));
    if sum.get(&wg) > 1.0 {
        wg.each(|item| y.set(&item, 1.0));
    }
}

fn main() {}
