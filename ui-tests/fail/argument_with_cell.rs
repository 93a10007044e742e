#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::{cell::Cell, sync::atomic::AtomicU32};

#[kernel(workgroup = 64)]
fn count(item: Item<1>, counter: Cell<u32>, y: Out<u32>) {
    counter.set(counter.get() + 1);
    y.set(&item, counter.get());
}

#[derive(KernelArg)]
struct Shared {
    counter: AtomicU32,
}

fn main() {}
