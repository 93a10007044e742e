#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn overwrite(item: Item<1>, mut x: In<f32>) {
    x[&item] = 1.0;
}

fn main() {}
