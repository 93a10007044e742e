#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: InOut<f32>) {
    let sum = wg.private(1.0);
    wg.each(|mut item| {
        let element = y.at(&mut item);
        let private = sum.at(&mut item);
        *element += *private;
    });
}

fn main() {}
