#![forbid(unsafe_code)]
// While the host looks into pinned memory, no kernel can be given it to write.
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn clear(item: Item<1>, y: Out<u32>) {
    y.set(&item, 0);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = geobacter::device("host")?;
    let mut pinned = device.host_buffer(&[1_u32; 64])?;
    let view = pinned.read()?;
    clear::enqueue(&device.stream()?, .., &mut pinned)?;
    assert_eq!(view[0], 1);
    Ok(())
}
