#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: Slice<u32>, y: Out<u32>) {
    wg.waves(|wave| {
        let rests = wave.varying(|item| x.get(item.x()..));
        wave.each(|item| y.set(&item, rests.get(&item).map_or(0, |rest| rest[0])));
    });
}

fn main() {}
