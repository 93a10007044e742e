#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
enum Edge {
    Clamp,
    Wrap,
}

#[derive(Clone, Copy, KernelArg)]
#[repr(C)]
enum Filter {
    Box,
    Gauss,
}

#[derive(Clone, Copy, KernelArg)]
enum Never {}

fn main() {}
