#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[usize; 64]>) {
    wg.waves(|wave| {
        let tile = tile.fill(&wg, |_| wave.lanes());
        assert_eq!(tile[0], 64);
    });
}

fn main() {}
