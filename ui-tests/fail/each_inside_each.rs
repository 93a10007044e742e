#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    wg.each(|item| {
        wg.each(|other| y.set(&other, item.x() as u32));
    });
}

fn main() {}
