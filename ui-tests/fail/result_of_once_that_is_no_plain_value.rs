#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: Slice<f32>, y: Out<f32>) {
    let all = wg.once(|_leader| x.to_vec());
    wg.each(|item| y.set(&item, all[item.x()]));
}

fn main() {}
