#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn share(item: Item<1>, y: Out<f32>) {
    std::thread::scope(|scope| {
        scope.spawn(|| y.set(&item, 1.0));
    });
}

fn main() {}
