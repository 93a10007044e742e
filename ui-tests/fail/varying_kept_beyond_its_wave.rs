#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    let kept = std::sync::Mutex::new(None);
    wg.waves(|wave| {
        let values = wave.varying_or(0, |item| x[&item]);
        *kept.lock().unwrap() = Some(values);
    });
    wg.each(|item| y.set(&item, kept.lock().unwrap().unwrap().get(&item)));
}

fn main() {}
