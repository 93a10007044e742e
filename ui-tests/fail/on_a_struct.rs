#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
struct Saxpy {
    a: f32,
}

fn main() {}
