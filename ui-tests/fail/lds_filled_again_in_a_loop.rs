#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: InOut<f32>) {
    let mut before = tile.fill(&wg, |_| 0.0);
    for step in 0..4 {
        let now = tile.fill(&wg, |item| (item.x() + step) as f32);
        wg.each(|item| y.set(&item, y.get(&item) + now[item.local_x()] - before[item.local_x()]));
        before = now;
    }
}

fn main() {}
