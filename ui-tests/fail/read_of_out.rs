#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn read(item: Item<1>, y: Out<f32>) {
    let _ = y[&item];
    let _ = y.get(&item);
}

fn main() {}
