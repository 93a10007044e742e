#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] sum: Lds<f32>, x: In<f32>) {
    sum.fill(&wg, |_| 0.0);
}

fn main() {}
