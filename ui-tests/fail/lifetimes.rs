#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn parameter<'a>(item: Item<'a, 1>, x: In<'a, f32>) {
    let _ = x[&item];
}

#[kernel(workgroup = 64)]
fn argument(item: Item<1>, x: In<'static, f32>) {
    let _ = x[&item];
}

fn main() {}
