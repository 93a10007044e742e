#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
async fn asynchronous(_item: Item<1>) {}

#[kernel(workgroup = 64)]
const fn constant(_item: Item<1>) {}

#[kernel(workgroup = 64)]
extern "C" fn foreign(_item: Item<1>) {}

fn main() {}
