//! Mistakes in `fp(..)`.

use geobacter::prelude::*;

#[kernel(workgroup = 64, fp(quick))]
fn unknown(item: Item<1>, y: Out<f32>) {}

#[kernel(workgroup = 64, fp())]
fn empty(item: Item<1>, y: Out<f32>) {}

#[kernel(workgroup = 64, fp)]
fn nothing(item: Item<1>, y: Out<f32>) {}

#[kernel(workgroup = 64, fp = fast)]
fn assigned(item: Item<1>, y: Out<f32>) {}

#[kernel(workgroup = 64, fp("fast"))]
fn quoted(item: Item<1>, y: Out<f32>) {}

#[kernel(workgroup = 64, fp(contract, fast))]
fn both(item: Item<1>, y: Out<f32>) {}

#[kernel(fp(strict), workgroup = 64, fp(fast))]
fn twice(item: Item<1>, y: Out<f32>) {}

#[kernel(fp(fast))]
fn alone(item: Item<1>, y: Out<f32>) {}

fn main() {}
