#![forbid(unsafe_code)]
use geobacter::prelude::*;

static mut TILE: [f32; 64] = [0.0; 64];

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    wg.each(|item| TILE[item.local_x()] = x[&item]);
    wg.barrier();
    wg.each(|item| y.set(&item, TILE[63 - item.local_x()]));
}

fn main() {}
