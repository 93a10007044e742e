#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake<T: Copy>(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[T; 64]>, zero: T) {
    tile.fill(&wg, |_| zero);
}

fn main() {}
