#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn second_axis(item: Item<1>, y: Out<f32>) {
    y.set(&item, item.y() as f32);
}

fn main() {}
