#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn scratch(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, y: Out<f32>) {
    let tile = tile.fill_with(&wg, |i| i as f32);
    wg.each(|item| y.set(&item, tile[0]));
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let mut y = device.zeroed(64)?;
    scratch::launch(&device, 64, 64, &mut y)?;
    Ok(())
}
