#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<u32>) {
    wg.each(|item| y.set(&item, tile.len() as u32));
}

fn main() {}
