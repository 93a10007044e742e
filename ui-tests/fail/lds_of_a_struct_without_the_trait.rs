#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy)]
struct Particle {
    mass: f32,
    speed: f32,
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[Particle; 64]>) {
    tile.fill(&wg, |_| Particle { mass: 1.0, speed: 0.0 });
}

fn main() {}
