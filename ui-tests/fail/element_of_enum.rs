#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, Element)]
#[repr(u8)]
enum Cell {
    Dead,
    Alive,
}

fn main() {}
