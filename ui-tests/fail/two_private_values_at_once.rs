#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    let (a, b) = (wg.private(1.0), wg.private(2.0));
    wg.each(|mut item| {
        std::mem::swap(a.at(&mut item), b.at(&mut item));
        y.set(&item, a.get(&item));
    });
}

fn main() {}
