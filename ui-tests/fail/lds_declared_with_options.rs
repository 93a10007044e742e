#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    #[workgroup_shared(size = 64)]
    let tile: Lds<[f32; 64]>;
    let tile = tile.fill(&wg, |_| 0.0);
    wg.each(|item| y.set(&item, tile[item.local_x()]));
}

fn main() {}
