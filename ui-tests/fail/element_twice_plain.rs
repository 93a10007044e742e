use geobacter::{
    bytemuck::{Pod, Zeroable},
    prelude::*,
};

#[derive(Clone, Copy, Pod, Zeroable, Element)]
#[repr(C)]
struct Point {
    x: f32,
    y: f32,
}

fn main() {}
