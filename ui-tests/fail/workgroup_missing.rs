#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel]
fn without(item: Item<1>, y: Out<f32>) {
    y.set(&item, 1.0);
}

#[kernel()]
fn empty(item: Item<1>, y: Out<f32>) {
    y.set(&item, 1.0);
}

fn main() {}
