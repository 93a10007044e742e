#![forbid(unsafe_code)]
use geobacter::prelude::*;

fn load<'t>(wg: &Workgroup<1>, x: Slice<f32>, mut tile: Lds<'t, [f32; 64]>) -> Filled<'t, [f32; 64]> {
    tile.fill(wg, |item| x[item.x()])
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: Slice<f32>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<f32>) {
    let tile = load(&wg, x, tile);
    wg.each(|item| y.set(&item, tile[0]));
}

fn main() {}
