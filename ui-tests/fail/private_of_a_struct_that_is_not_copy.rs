#![forbid(unsafe_code)]
use geobacter::prelude::*;

struct Sum {
    total: f32,
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    let sum = wg.private(Sum { total: 0.0 });
    wg.each(|mut item| sum.at(&mut item).total += x[&item]);
    wg.each(|item| y.set(&item, sum.get(&item).total));
}

fn main() {}
