#![forbid(unsafe_code)]
use geobacter::prelude::*;

// A partition that is a type parameter needs its bound.
#[kernel(workgroup = 64)]
fn ones<P: 'static>(item: Item<1>, y: Out<f32, P>) {
    y.set_each(&item, |_| 1.0);
}

fn main() {}
