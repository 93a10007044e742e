#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn four(_item: Item<4>) {}

#[kernel(workgroup = 64)]
fn none(_item: Item) {}

const D: usize = 1;
#[kernel(workgroup = 64)]
fn constant(_item: Item<D>) {}

fn main() {}
