#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = [8, 8])]
fn fill(item: Item<2>, y: Out<f32>) {
    y.set(&item, 1.0);
}

// A length does not say how wide a grid is.
fn run(device: &Device) -> Result<(), geobacter::Error> {
    fill::launch(device, .., &mut device.zeroed(64)?)?;
    Ok(())
}

fn main() {}
