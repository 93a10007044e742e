//! Kernels that tests of work in flight share: what they do in which order shows in the result.
#![allow(dead_code, reason = "no test uses all of them")]

use geobacter::prelude::*;

/// `y = 3 y + x`.
#[kernel(workgroup = 64)]
pub fn mix(item: Item<1>, x: In<u32>, y: InOut<u32>) {
    let value = y.get(&item).wrapping_mul(3).wrapping_add(x[&item]);
    y.set(&item, value);
}

/// `y = y + by`.
#[kernel(workgroup = 64)]
pub fn add(item: Item<1>, by: u32, y: InOut<u32>) {
    let value = y.get(&item).wrapping_add(by);
    y.set(&item, value);
}

/// Takes a while, whatever the optimiser thinks.
#[kernel(workgroup = 64)]
pub fn slow(item: Item<1>, rounds: u32, y: InOut<u32>) {
    let mut value = y.get(&item);
    for round in 0..rounds {
        value = (value ^ round).wrapping_mul(0x9e37_79b9).rotate_left(7);
    }
    y.set(&item, value);
}
