#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn vector(item: Item<1>, x: Vec<f32>, y: Out<f32>) {
    y.set(&item, x[item.x()]);
}

fn main() {}
