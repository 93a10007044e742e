#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<f32>) {
    let mut tile = tile.fill(&wg, |_| 0.0);
    tile[0] = 1.0;
    wg.each(|item| y.set(&item, tile[item.local_x()]));
}

fn main() {}
