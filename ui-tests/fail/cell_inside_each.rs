#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::cell::Cell;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let sum = Cell::new(0.0);
    wg.each(|item| sum.set(sum.get() + x[&item]));
    wg.each(|item| y.set(&item, sum.get()));
}

fn main() {}
