use geobacter::prelude::*;

#[kernel(workgroup = 64)]
unsafe fn dangerous(_item: Item<1>) {}

fn main() {}
