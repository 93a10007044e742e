#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, StructOfArrays)]
struct Person {
    name: String,
    age: u32,
}

#[derive(Clone, Copy, StructOfArrays)]
struct Cell {
    alive: bool,
    neighbours: &'static [u32],
}

#[derive(Clone, Copy, StructOfArrays)]
struct Flag {
    alive: bool,
}

#[derive(Clone, Copy, StructOfArrays)]
enum Shape {
    Circle { radius: f32 },
}

#[derive(Clone, Copy, StructOfArrays)]
struct Nothing;

fn main() {}
