#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn parameter(item: Item<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<f32>) {
    y.set(&item, 1.0);
}

#[kernel(workgroup = [8, 8])]
fn local(item: Item<2>, y: Out<f32>) {
    #[workgroup_shared]
    let tile: Lds<[f32; 64]>;
    y.set(&item, 1.0);
}

fn main() {}
