#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(y: Out<f32>, wg: Workgroup<1>) {
    wg.each(|item| y.set(&item, 1.0));
}

fn main() {}
