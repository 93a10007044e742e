#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn strings(item: Item<1>, x: In<String>) {
    let _ = x[&item].len();
}

fn main() {}
