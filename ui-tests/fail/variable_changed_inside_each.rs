#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let mut sum = 0.0;
    wg.each(|item| sum += x[&item]);
    wg.each(|item| y.set(&item, sum));
}

fn main() {}
