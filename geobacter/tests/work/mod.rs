//! What tests of work in flight share: kernels whose result shows in which order they ran, and waiting for memory to be given back.
#![allow(dead_code, reason = "no test uses all of them")]

use std::{
    thread,
    time::{Duration, Instant},
};

use geobacter::{MemoryStatistics, prelude::*};

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

/// What the device's buffers use once nothing is in flight. What a stream or an event that nobody looks at any more has held is given
/// back by another thread, a moment after the work is done: waits for that, unless it never becomes `expected`.
pub fn settled(device: &Device, expected: MemoryStatistics) -> (u64, u64) {
    device.wait();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let MemoryStatistics { in_use, live, .. } = device.memory().statistics();
        if (in_use, live) == (expected.in_use, expected.live) || Instant::now() > deadline {
            return (in_use, live);
        }
        thread::sleep(Duration::from_millis(1));
    }
}
