#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
struct Header {
    kind: u8,
    length: u32,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Cell {
    count: u32,
    sum: f64,
    flags: [u8; 3],
}

fn main() {}
