#![forbid(unsafe_code)]
use geobacter::prelude::*;

fn load(wg: &Workgroup<1>, x: Slice<f32>) -> f32 {
    #[workgroup_shared]
    let tile: Lds<[f32; 64]>;
    tile.fill(wg, |item| x[item.x()])[0]
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: Slice<f32>, y: Out<f32>) {
    let first = load(&wg, x);
    wg.each(|item| y.set(&item, first));
}

fn main() {}
