#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    let a = wg.private([1.0, 2.0]);
    wg.each(|mut item| {
        let first = &mut a.at(&mut item)[0];
        let second = &mut a.at(&mut item)[0];
        *first += *second;
        y.set(&item, a.get(&item)[0]);
    });
}

fn main() {}
