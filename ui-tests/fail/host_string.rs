#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn text(_item: Item<1>, name: String) {
    let _ = name;
}

fn main() {}
