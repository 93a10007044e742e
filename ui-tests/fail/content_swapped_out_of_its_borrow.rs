#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(
    wg: Workgroup<1>,
    #[workgroup_shared] tile: Lds<[f32; 64]>,
    #[workgroup_shared] other: Lds<[f32; 64]>,
    y: Out<f32>,
) {
    let mut kept = other.fill(&wg, |_| 0.0);
    {
        let mut view = tile.fill(&wg, |_| 1.0);
        std::mem::swap(&mut kept, &mut view);
    }
    let again = tile.fill(&wg, |_| 2.0);
    wg.each(|item| y.set(&item, kept[0] + again[0]));
}

fn main() {}
