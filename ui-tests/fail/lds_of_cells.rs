#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[std::cell::Cell<f32>; 64]>) {
    let tile = tile.fill(&wg, |_| std::cell::Cell::new(0.0));
}

fn main() {}
