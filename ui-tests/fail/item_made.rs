#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn other(item: Item<1>, y: Out<f32>) {
    let neighbour = Item::<1> { local: [1, 0, 0], ..item };
    y.set(&neighbour, 1.0);
}

fn main() {}
