#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn private(wg: Workgroup<1>, sum: Private<f32>) {
    wg.each(|item| sum.set(&item, 1.0));
}

#[kernel(workgroup = 64)]
fn content(wg: Workgroup<1>, tile: Filled<[f32; 64]>) {
    wg.each(|item| assert!(tile[item.local_x()] > 0.0));
}

fn main() {}
