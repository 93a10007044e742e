#![forbid(unsafe_code)]
use geobacter::prelude::*;

// Blocks are for grids of two dimensions.
#[kernel(workgroup = 64)]
fn smooth(item: Item<1>, image: Out<f32, Blocks<2, 2>>) {
    image.set(&item, [[0.0; 2]; 2]);
}

fn main() {}
