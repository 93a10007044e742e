#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn both(mut item: Item<1>, x: InOut<f32>, y: InOut<f32>) {
    let a = x.at(&mut item);
    let b = y.at(&mut item);
    std::mem::swap(a, b);
}

fn main() {}
