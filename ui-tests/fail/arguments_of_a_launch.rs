#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn add(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, y.get(&item) + a * x[&item]);
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let mut y = device.zeroed::<f32>(64)?;
    let doubles = device.zeroed::<f64>(64)?;
    let host = vec![1.0f32; 64];
    add::launch(&device, 64, 1.0, &host, &mut y)?;
    add::launch(&device, 64, 1.0, &doubles, &mut y)?;
    add::launch(&device, 64, 1.0f64, &y, &mut y)?;
    add::launch(&device, 64, 1.0, &doubles)?;
    Ok(())
}
