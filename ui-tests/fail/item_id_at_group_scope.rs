#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: Slice<f32>, y: Out<f32>) {
    let i = wg.local_x();
    if wg.x() < x.len() {
        wg.each(|item| y.set(&item, x[i]));
    }
}

fn main() {}
