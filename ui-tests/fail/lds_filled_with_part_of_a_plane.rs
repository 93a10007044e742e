#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[[f32; 16]; 16]>, y: Out<f32>) {
    let tile = tile.fill_with(&wg, |x, y| (x + y) as f32);
    wg.each(|item| y.set(&item, tile[item.local_x() / 16][item.local_x() % 16]));
}

fn main() {}
