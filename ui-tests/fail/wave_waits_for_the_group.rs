#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>) {
    wg.waves(|wave| {
        let values = wave.varying_or(0, |item| x[&item]);
        if wave.reduce(&values, |a, b| a + b) > 0 {
            wg.barrier();
        }
    });
}

fn main() {}
