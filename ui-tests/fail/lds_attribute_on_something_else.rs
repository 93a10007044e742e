#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn parameter(wg: Workgroup<1>, #[workgroup_shared] x: In<f32>) {
    wg.each(|item| assert!(x[&item] > 0.0));
}

#[kernel(workgroup = 64)]
fn array(wg: Workgroup<1>, #[workgroup_shared] tile: [f32; 64]) {
    wg.each(|item| assert!(tile[item.local_x()] > 0.0));
}

#[kernel(workgroup = 64)]
fn local(wg: Workgroup<1>) {
    #[workgroup_shared]
    let tile: [f32; 64];
    wg.each(|item| assert!(tile[item.local_x()] > 0.0));
}

fn main() {}
