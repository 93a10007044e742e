#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn double(item: Item<1>, x: In<f32>) -> f32 {
    2.0 * x[&item]
}

fn main() {}
