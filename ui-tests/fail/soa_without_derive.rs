#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, Element)]
struct Particle {
    position: [f32; 3],
    mass: f32,
}

#[kernel(workgroup = 64)]
fn masses(item: Item<1>, particles: InSoa<Particle>, y: Out<f32>) {
    y.set(&item, particles.get(&item).mass);
}

fn main() {}
