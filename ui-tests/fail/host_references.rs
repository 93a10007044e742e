#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn slice(item: Item<1>, x: &[f32], y: &mut [f32]) {
    y[item.x()] = x[item.x()];
}

#[kernel(workgroup = 64)]
fn value(_item: Item<1>, a: &f64) {
    let _ = *a;
}

fn main() {}
