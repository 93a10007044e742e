#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    y.set(0, 1.0);
    wg.each(|_item| y.set(1.0));
}

fn main() {}
