#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(worksize = 256)]
fn unknown(_item: Item<1>) {}

#[kernel(workgroup = 256, workgroup = 128)]
fn twice(_item: Item<1>) {}

#[kernel(workgroup(256))]
fn parentheses(_item: Item<1>) {}

#[kernel(256)]
fn number(_item: Item<1>) {}

fn main() {}
