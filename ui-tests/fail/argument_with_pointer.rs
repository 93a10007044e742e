#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
struct View {
    first: *const f32,
    length: usize,
}

#[derive(Clone, Copy, KernelArg)]
enum Step {
    Stop,
    Map(fn(f32) -> f32),
}

fn main() {}
