use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
#[repr(C)]
union Bits {
    float: f32,
    integer: u32,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
union Word {
    float: f32,
    integer: u32,
}

fn main() {}
