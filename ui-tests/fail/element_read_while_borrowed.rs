#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn alias(mut item: Item<1>, y: InOut<f32>) {
    let a = y.at(&mut item);
    *a = y.get(&item);
}

fn main() {}
