#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 256)]
fn flat_group(item: Item<2>, y: Out<f32>) {
    y.set(&item, 1.0);
}

#[kernel(workgroup = [16, 16])]
fn flat_item(item: Item<1>, y: Out<f32>) {
    y.set(&item, 1.0);
}

fn main() {}
