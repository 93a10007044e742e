#![forbid(unsafe_code)]
use geobacter::prelude::*;

// Three values for a tile of four, and a value for a tile.
#[kernel(workgroup = 64)]
fn tiles(item: Item<1>, y: Out<f32, Tile<4>>) {
    y.set(&item, [1.0, 2.0, 3.0]);
    y.set(&item, 1.0);
}

fn main() {}
