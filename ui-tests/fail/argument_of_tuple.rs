#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn shift(item: Item<1>, by: (f32, f32), y: InOut<f32>) {
    y.set(&item, y.get(&item) + by.0 * by.1);
}

#[derive(Clone, Copy, KernelArg)]
struct Limits {
    range: (f32, f32),
}

fn main() {}
