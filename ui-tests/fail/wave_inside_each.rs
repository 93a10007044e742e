#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>) {
    wg.each(|item| {
        if x[&item] > 0 {
            wg.waves(|wave| assert!(wave.lanes() > 1));
        }
    });
}

fn main() {}
