#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, item: Item<1>, y: Out<f32>) {
    y.set(&item, wg.size()[0] as f32);
}

fn main() {}
