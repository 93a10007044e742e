#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn none(wg: Workgroup, y: Out<f32>) {
    wg.each(|item| y.set(&item, 1.0));
}

#[kernel(workgroup = 64)]
fn four(wg: Workgroup<4>, y: Out<f32>) {
    wg.each(|item| y.set(&item, 1.0));
}

#[kernel(workgroup = 64)]
fn generic<const D: usize>(wg: Workgroup<D>, y: Out<f32>) {
    wg.each(|item| y.set(&item, 1.0));
}

fn main() {}
