#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(item: Item<1>, x: In<f32>, y: InOut<f32>) {
    y.set(&item, x[&item]);
    item.barrier();
}

fn main() {}
