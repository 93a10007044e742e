#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, depth: u32, y: InOut<f32>) {
    #[workgroup_shared]
    let tile: Lds<[f32; 64]>;
    let tile = tile.fill(&wg, |item| item.x() as f32);
    wg.each(|item| y.set(&item, y.get(&item) + tile[63 - item.local_x()]));
    if depth > 0 {
        mistake(wg, depth - 1, y);
    }
    drop(tile);
}

fn main() {}
