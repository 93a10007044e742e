#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::rc::Rc;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let scale = Rc::new(2.0);
    wg.each(|item| y.set(&item, *scale * x[&item]));
}

fn main() {}
