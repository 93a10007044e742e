#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    wg.each_local(|item| y.set(&item, 1.0));
}

fn main() {}
