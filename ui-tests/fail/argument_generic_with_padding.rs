#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
struct Pair<A: KernelArg, B: KernelArg> {
    a: A,
    b: B,
}

#[kernel(workgroup = 64)]
fn pairs(item: Item<1>, pair: Pair<u8, f64>, y: Out<f64>) {
    y.set(&item, pair.b + f64::from(pair.a));
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let mut y = device.zeroed(64)?;
    pairs::launch(&device, 64, Pair { a: 1, b: 2.0 }, &mut y)?;
    Ok(())
}
