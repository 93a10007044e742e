//! Each value of a specialisation constant is code of its own: numbers only.
use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
struct Settings {
    width: u32,
}

#[kernel(workgroup = 64)]
fn blur(item: Item<1>, settings: Spec<Settings>, y: Out<u32>) {
    let _ = settings;
    y.set(&item, 0);
}

fn main() {}
