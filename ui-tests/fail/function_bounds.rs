#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn once<F: FnOnce() -> f32>(item: Item<1>, f: F, y: Out<f32>) {
    y.set(&item, f());
}

#[kernel(workgroup = 64)]
fn mutable(item: Item<1>, mut f: impl FnMut() -> f32, y: Out<f32>) {
    y.set(&item, f());
}

#[kernel(workgroup = 64)]
fn not_a_function(item: Item<1>, a: impl Into<f32>, y: Out<f32>) {
    y.set(&item, a.into());
}

fn main() {}
