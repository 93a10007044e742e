#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let values = wg.private(Vec::new());
    wg.each(|mut item| values.at(&mut item).push(x[&item]));
    wg.each(|item| y.set(&item, values.get(&item)[0]));
}

fn main() {}
