#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn add(item: Item<1>, x: In<f32>, y: InOut<f32>) {
    y.set(&item, y.get(&item) + x[&item]);
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let mut y = device.zeroed(64)?;
    add::launch(&device, 64, &y, &mut y)?;
    Ok(())
}
