#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, StructOfArrays)]
struct Particle {
    position: [f32; 3],
    mass: f32,
}

#[kernel(workgroup = 64)]
fn merge(item: Item<1>, x: InSoa<Particle>, y: InOutSoa<Particle>) {
    y.set(&item, x.get(&item));
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let particles = [Particle { position: [0.0; 3], mass: 1.0 }; 64];
    let mut arrays = device.upload_soa(&particles)?;
    merge::launch(&device, 64, &arrays, &mut arrays)?;
    Ok(())
}
