#![forbid(unsafe_code)]
use geobacter::prelude::*;

// How long a row is, is not known when the kernel is compiled.
#[kernel(workgroup = 64)]
fn ones(item: Item<1>, matrix: Out<f32, Rows>) {
    matrix.set(&item, [1.0; 8]);
}

fn main() {}
