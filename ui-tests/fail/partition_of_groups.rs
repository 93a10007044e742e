#![forbid(unsafe_code)]
use geobacter::prelude::*;

// An item owns none of its group's elements.
#[kernel(workgroup = 64)]
fn sums(item: Item<1>, x: In<f32>, y: Out<f32, PerGroup<1>>) {
    y.set_at(&item, 0, x[&item]);
}

fn main() {}
