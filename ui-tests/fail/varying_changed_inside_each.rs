#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    wg.waves(|wave| {
        let mut values = wave.varying_or(0, |item| x[&item]);
        let others = wave.shuffle_up(&values, 1);
        wave.each(|item| {
            values = others;
            y.set(&item, values.get(&item));
        });
    });
}

fn main() {}
