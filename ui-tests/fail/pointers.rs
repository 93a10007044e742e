#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn raw(item: Item<1>, x: *const f32) {
    let _ = (item, x);
}

#[kernel(workgroup = 64)]
fn function(item: Item<1>, f: fn(f32) -> f32, y: Out<f32>) {
    y.set(&item, f(1.0));
}

#[kernel(workgroup = 64)]
fn object(_item: Item<1>, f: dyn Fn(f32) -> f32) {
    let _ = f;
}

fn main() {}
