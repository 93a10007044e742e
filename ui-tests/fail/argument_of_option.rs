#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn clamp(item: Item<1>, limit: Option<u32>, y: InOut<u32>) {
    if let Some(limit) = limit {
        y.set(&item, y.get(&item).min(limit));
    }
}

fn main() {}
