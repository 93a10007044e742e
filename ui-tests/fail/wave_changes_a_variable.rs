#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    let mut lanes = 0;
    wg.waves(|wave| lanes += wave.lanes() as u32);
    wg.each(|item| y.set(&item, lanes));
}

fn main() {}
