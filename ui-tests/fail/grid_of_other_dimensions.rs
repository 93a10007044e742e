#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = [8, 8])]
fn fill(item: Item<2>, y: Out<f32>) {
    y.set(&item, 1.0);
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let mut y = device.zeroed(64)?;
    fill::launch(&device, 64, &mut y)?;
    Ok(())
}
