#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
struct Table<'a> {
    weights: &'a [f32],
}

#[derive(Clone, Copy, Element)]
struct Name {
    text: &'static str,
    length: u32,
}

fn main() {}
