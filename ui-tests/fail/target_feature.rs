//! Features of the host's processor: who calls such a function must know that it has them.

use geobacter::prelude::*;

#[kernel(workgroup = 64)]
#[target_feature(enable = "avx2")]
fn wide(item: Item<1>, y: Out<f32>) {
    y.set(&item, 1.0);
}

#[kernel(workgroup = 64)]
#[cfg_attr(all(), target_feature(enable = "avx512f"))]
fn wider(item: Item<1>, y: Out<f32>) {
    y.set(&item, 1.0);
}

fn main() {}
