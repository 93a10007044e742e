#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn repeat<T: Copy + Into<f32>, const N: usize>(item: Item<1>, bias: T, weights: [T; N], y: Out<f32>) {
    y.set(&item, bias.into() + weights[0].into());
}

fn main() {}
