#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<f32>) {
    let first = tile.fill(&wg, |item| item.x() as f32);
    let second = tile.fill(&wg, |item| 2.0 * item.x() as f32);
    wg.each(|item| y.set(&item, first[item.local_x()] + second[item.local_x()]));
}

fn main() {}
