#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::rc::Rc;

#[derive(Clone, KernelArg)]
struct Shared {
    table: Rc<[f32; 4]>,
}

#[kernel(workgroup = 64)]
fn shared(item: Item<1>, table: Rc<[f32; 4]>, y: Out<f32>) {
    y.set(&item, table[item.x() % 4]);
}

fn main() {}
