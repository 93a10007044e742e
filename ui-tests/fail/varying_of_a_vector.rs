#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    wg.waves(|wave| {
        let lists = wave.varying(|item| vec![item.lane() as u32]);
        wave.each(|item| y.set(&item, lists.get(&item)[0]));
    });
}

fn main() {}
