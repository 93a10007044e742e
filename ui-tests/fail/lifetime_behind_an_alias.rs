#![forbid(unsafe_code)]
use geobacter::prelude::*;

type Forever = In<'static, f32>;

#[kernel(workgroup = 64)]
fn keep(item: Item<1>, x: Forever) {
    let _ = x[&item];
}

fn main() {}
