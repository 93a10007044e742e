#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn copy<T: Copy>(item: Item<1>, x: In<T>, y: Out<T>) {
    y.set(&item, x[&item]);
}

fn main() {}
