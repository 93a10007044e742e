#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<f32>) {
    let mut same = tile;
    let a = same.fill(&wg, |item| item.x() as f32);
    let b = tile.fill(&wg, |item| 2.0 * item.x() as f32);
    wg.each(|item| y.set(&item, a[0] + b[0]));
}

fn main() {}
