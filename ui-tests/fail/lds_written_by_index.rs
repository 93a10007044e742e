#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, x: In<f32>, y: Out<f32>) {
    let tile = tile.fill(&wg, |_| 0.0);
    wg.each(|item| tile[item.local_x()] = x[&item]);
    wg.each(|item| y.set(&item, tile[63 - item.local_x()]));
}

fn main() {}
