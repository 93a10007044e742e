#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    wg.each(|item| {
        let sum = wg.reduce(0.0, |item| x[&item], |a, b| a + b);
        y.set(&item, sum);
    });
}

fn main() {}
