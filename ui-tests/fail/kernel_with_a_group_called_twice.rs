#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn scratch(wg: Workgroup<1>, y: Out<f32>) {
    #[workgroup_shared]
    let tile: Lds<[f32; 64]>;
    let tile = tile.fill(&wg, |item| item.x() as f32);
    wg.each(|item| y.set(&item, tile[0]));
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>, z: Out<f32>) {
    scratch(wg, y);
    scratch(wg, z);
}

fn main() {}
