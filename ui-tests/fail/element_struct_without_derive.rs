#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy)]
struct Point {
    x: f32,
    y: f32,
}

impl Element for Point {}

fn main() {}
