#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn count(item: Item<1>, x: In<u32>, counts: Atomics<u32>) {
    counts.at(x[&item] as usize).fetch_add(&item, 1);
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let x = device.zeroed(64)?;
    let counts = device.zeroed(16)?;
    count::launch(&device, 64, &x, &counts)?;
    Ok(())
}
