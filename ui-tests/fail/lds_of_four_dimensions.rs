#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[[[[f32; 4]; 4]; 4]; 4]>) {
    tile.fill_with(&wg, |_| 0.0);
}

fn main() {}
