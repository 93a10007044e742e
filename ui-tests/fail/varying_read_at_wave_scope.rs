#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    wg.waves(|wave| {
        let values = wave.varying_or(0, |item| x[&item]);
        if values.get() > 0 {
            wave.each(|item| y.set(&item, 1));
        }
    });
}

fn main() {}
