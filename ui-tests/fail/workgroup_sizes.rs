#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 0)]
fn zero(_item: Item<1>) {}

#[kernel(workgroup = 2048)]
fn large(_item: Item<1>) {}

#[kernel(workgroup = [64, 32])]
fn large_product(_item: Item<2>) {}

#[kernel(workgroup = [8, 0])]
fn zero_axis(_item: Item<2>) {}

#[kernel(workgroup = [2, 2, 2, 2])]
fn four(_item: Item<3>) {}

#[kernel(workgroup = [])]
fn none(_item: Item<1>) {}

#[kernel(workgroup = -8)]
fn negative(_item: Item<1>) {}

const SIZE: u32 = 64;
#[kernel(workgroup = SIZE)]
fn constant(_item: Item<1>) {}

fn main() {}
