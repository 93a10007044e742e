#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, #[workgroup_shared] tile: Lds<[f32; 64]>) {
    let tile = tile.fill(&wg, |item| x[&item]);
    wg.each(|item| assert!(tile[item.local_x()] == x[&item]));
}

fn main() {}
