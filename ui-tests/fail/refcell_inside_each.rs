#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::cell::RefCell;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let sum = RefCell::new(0.0);
    wg.each(|item| *sum.borrow_mut() += x[&item]);
    wg.each(|item| y.set(&item, *sum.borrow()));
}

fn main() {}
