#![forbid(unsafe_code)]
use geobacter::prelude::*;

// Strided elements lie far apart.
#[kernel(workgroup = 64)]
fn clear(mut item: Item<1>, y: InOut<f32, Strided<4>>) {
    y.slice_mut(&mut item).fill(0.0);
}

fn main() {}
