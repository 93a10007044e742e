#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    wg.each(move |item| y.set(&item, wg.size()[0]));
}

fn main() {}
