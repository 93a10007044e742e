#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn in_a_loop(wg: Workgroup<1>) {
    for _ in 0..4 {
        #[workgroup_shared]
        let tile: Lds<[f32; 64]>;
        tile.fill(&wg, |_| 0.0);
    }
}

#[kernel(workgroup = 64)]
fn in_a_block(wg: Workgroup<1>, big: bool) {
    if big {
        #[workgroup_shared]
        let tile: Lds<[f32; 64]>;
        tile.fill(&wg, |_| 0.0);
    }
}

#[kernel(workgroup = 64)]
fn in_each(wg: Workgroup<1>) {
    wg.each(|_item| {
        #[workgroup_shared]
        let tile: Lds<[f32; 64]>;
    });
}

fn main() {}
