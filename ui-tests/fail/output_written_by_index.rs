#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    wg.each(|item| y[item.x()] = 2.0 * x[&item]);
}

fn main() {}
