#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>) {
    let (a, b) = (&mut tile, &mut tile).fill(&wg, |item| (item.x() as f32, 0.0));
    wg.each(|item| assert!(a[item.local_x()] >= b[item.local_x()]));
}

fn main() {}
