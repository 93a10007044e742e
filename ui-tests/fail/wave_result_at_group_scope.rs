#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    let sum = wg.waves(|wave| wave.reduce(&wave.varying_or(0, |item| x[&item]), |a, b| a + b));
    wg.each(|item| y.set(&item, sum));
}

fn main() {}
