#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    #[workgroup_shared]
    let (a, b): (Lds<[f32; 64]>, Lds<[f32; 64]>);
    wg.each(|item| y.set(&item, 0.0));
}

fn main() {}
