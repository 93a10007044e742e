#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<f32>) {
    let mut tile = tile.fill(&wg, |item| item.x() as f32);
    let first = &tile[0];
    tile.update(&wg, |_, element| *element += 1.0);
    wg.each(|item| y.set(&item, *first));
}

fn main() {}
