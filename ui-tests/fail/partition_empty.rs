#![forbid(unsafe_code)]
use geobacter::prelude::*;

// A tile of nothing.
#[kernel(workgroup = 64)]
fn nothing(item: Item<1>, y: Out<f32, Tile<0>>) {
    y.set(&item, []);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = geobacter::device("host")?;
    nothing::launch(&device, 64, &mut device.zeroed(0)?)?;
    Ok(())
}
