#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: Slice<u32>, y: Out<u32>) {
    wg.waves(|wave| {
        let rows = wave.varying(|item| &x[item.x()..]);
        wave.each(|item| y.set(&item, rows.get(&item)[0]));
    });
}

fn main() {}
