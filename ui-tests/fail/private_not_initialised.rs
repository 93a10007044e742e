#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    let sum: Private<f32>;
    wg.each(|item| y.set(&item, sum.get(&item)));
}

fn main() {}
