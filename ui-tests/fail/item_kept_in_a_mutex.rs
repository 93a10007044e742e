#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::sync::Mutex;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    let kept = Mutex::new(Vec::new());
    wg.each(|item| kept.lock().unwrap().push(item));
    for item in kept.into_inner().unwrap() {
        y.set(&item, 1.0);
    }
}

fn main() {}
