#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn array(item: Item<1>, [a, b]: [f32; 2], y: Out<f32>) {
    y.set(&item, a + b);
}

#[kernel(workgroup = 64)]
fn ignored(item: Item<1>, _: f32, y: Out<f32>) {
    y.set(&item, 1.0);
}

#[kernel(workgroup = 64)]
fn attribute(item: Item<1>, #[allow(unused)] a: f32, y: Out<f32>) {
    y.set(&item, 1.0);
}

fn main() {}
