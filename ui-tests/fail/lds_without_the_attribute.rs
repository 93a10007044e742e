#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn parameter(wg: Workgroup<1>, tile: Lds<[f32; 64]>) {
    tile.fill(&wg, |_| 0.0);
}

#[kernel(workgroup = 64)]
fn local(wg: Workgroup<1>) {
    let tile: Lds<[f32; 64]>;
    tile.fill(&wg, |_| 0.0);
}

fn main() {}
