#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    wg.each(|item| {
        wg.waves(|wave| y.set(&item, wave.index() as u32));
    });
}

fn main() {}
