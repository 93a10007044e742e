#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = [16, 16])]
fn linear(wg: Workgroup<1>, y: Out<f32>) {
    wg.each(|item| y.set(&item, 1.0));
}

#[kernel(workgroup = 256)]
fn plane(wg: Workgroup<2>, y: Out<f32>) {
    wg.each(|item| y.set(&item, 1.0));
}

fn main() {}
