#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn nothing() {}

#[kernel(workgroup = 64)]
fn other_first(y: Out<f32>, item: Item<1>) {
    y.set(&item, 1.0);
}

#[kernel(workgroup = 64)]
fn by_reference(item: &Item<1>, y: Out<f32>) {
    y.set(item, 1.0);
}

fn main() {}
