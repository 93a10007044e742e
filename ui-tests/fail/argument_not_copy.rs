#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(KernelArg)]
struct Settings {
    scale: f32,
}

#[derive(Element)]
struct Point {
    x: f32,
}

fn main() {}
