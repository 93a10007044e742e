#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: InOut<f32>) {
    wg.each(|item| *y.at(&mut item) += 1.0);
}

fn main() {}
