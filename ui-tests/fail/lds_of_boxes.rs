#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[Box<f32>; 64]>) {
    let tile = tile.fill(&wg, |_| Box::new(0.0));
}

fn main() {}
