#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    let leader = wg.once(|leader| leader);
    y.set(&leader, 1.0);
}

fn main() {}
