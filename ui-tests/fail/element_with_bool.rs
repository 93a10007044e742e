#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, Element)]
struct Cell {
    alive: bool,
    letter: char,
    age: u8,
    _pad: [u8; 2],
}

fn main() {}
