#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, KernelArg)]
struct Settings {
    name: String,
    weights: Vec<f32>,
    scale: f32,
}

fn main() {}
