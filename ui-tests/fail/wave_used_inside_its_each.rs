#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    wg.waves(|wave| {
        let values = wave.varying_or(0, |item| x[&item]);
        wave.each(|item| {
            if x[&item] > 0 {
                y.set(&item, wave.reduce(&values, |a, b| a + b));
            }
        });
    });
}

fn main() {}
