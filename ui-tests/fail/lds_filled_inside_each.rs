#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, x: In<f32>, y: Out<f32>) {
    wg.each(|item| {
        let tile = tile.fill(&wg, |_| x[&item]);
        y.set(&item, tile[0]);
    });
}

fn main() {}
