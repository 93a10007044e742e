#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn generate<F: Fn(usize) -> f32>(item: Item<1>, f: F, y: Out<f32>) {
    y.set(&item, f(item.x()));
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let mut y = device.zeroed(64)?;
    let scale = 2.0;
    generate::launch(&device, 64, |i| scale * i as f32, &mut y)?;
    Ok(())
}
