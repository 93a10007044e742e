#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] bins: Lds<[u32; 64]>, x: In<u32>, y: Out<u32>) {
    let bins = bins.atomics(&wg, |_| 0);
    let counts = bins.finish(&wg);
    wg.each(|item| {
        bins.at(x[&item] as usize % 64).fetch_add(&item, 1);
        y.set(&item, counts[item.local_x()]);
    });
}

fn main() {}
