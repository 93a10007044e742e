#![forbid(unsafe_code)]
use geobacter::prelude::*;

// Two `&mut` to an item's elements at once.
#[kernel(workgroup = 64)]
fn swap(mut item: Item<1>, y: InOut<f32, Tile<2>>) {
    let a = y.at_mut(&mut item, 0);
    let b = y.at_mut(&mut item, 1);
    std::mem::swap(a, b);
}

// A `&mut` and a read.
#[kernel(workgroup = 64)]
fn add(mut item: Item<1>, y: InOut<f32, Tile<2>>) {
    let tile = y.slice_mut(&mut item);
    tile[0] = y.get_at(&item, 1);
}

fn main() {}
