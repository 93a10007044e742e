#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    let mut kept = None;
    wg.each(|item| kept = Some(item));
    y.set(&kept.unwrap(), 1.0);
}

fn main() {}
