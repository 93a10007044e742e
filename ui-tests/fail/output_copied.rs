#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn copies(item: Item<1>, y: Out<f32>) {
    let first = y;
    first.set(&item, 1.0);
    y.clone().set(&item, 2.0);
}

fn main() {}
