#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn gather(item: Item<1>, index: In<u32>, table: Slice<f32>, y: Out<f32>) {
    y.set(&item, table[index[&item]]);
}

fn main() {}
