#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, Element)]
struct Complex<T> {
    re: T,
    im: T,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Weighted<T> {
    value: T,
    weight: f32,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Plain<T>
where
    T: Copy,
{
    value: T,
}

fn holds<T: Element>() {}

fn main() {
    holds::<Plain<char>>();
}
