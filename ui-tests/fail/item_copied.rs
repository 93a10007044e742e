#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn copies(item: Item<1>, y: Out<f32>) {
    let second = item;
    y.set(&item, 1.0);
    y.set(&second.clone(), 1.0);
}

fn main() {}
