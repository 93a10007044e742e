//! The examples' kernels with the arithmetic that CUDA C++ has unless it is told otherwise: a multiplication and an addition may
//! become one operation. Examples compare with the CPU bit for bit, so they do without.
#![forbid(unsafe_code)]

use geobacter::prelude::*;

use crate::kernels as examples;

/// `y = a * x + y`.
#[kernel(workgroup = 256, fp(contract))]
pub fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    examples::saxpy::saxpy(item, a, x, y);
}

/// The product of two matrices, by tiles.
#[kernel(workgroup = [16, 16], fp(contract))]
pub fn matmul(
    wg: Workgroup<2>,
    inner: usize,
    a: Slice<f32>,
    b: Slice<f32>,
    #[workgroup_shared] tile_a: Lds<[[f32; 16]; 16]>,
    #[workgroup_shared] tile_b: Lds<[[f32; 16]; 16]>,
    c: Out<f32>,
) {
    examples::matmul_tiled::matmul(wg, inner, a, b, tile_a, tile_b, c);
}

/// One step of the plate.
#[kernel(workgroup = [64, 16], fp(contract))]
pub fn stencil(
    wg: Workgroup<2>,
    rate: f32,
    plate: Slice<f32>,
    #[workgroup_shared] tile: Lds<[[f32; 66]; 18]>,
    after: Out<f32>,
) {
    examples::stencil2d::step(wg, rate, plate, tile, after);
}

/// One step of the bodies.
#[kernel(workgroup = 128, fp(contract))]
pub fn nbody(
    wg: Workgroup<1>,
    time: f32,
    bodies: In<examples::nbody::Body>,
    velocities: InOut<[f32; 3]>,
    #[workgroup_shared] tile: Lds<[examples::nbody::Body; 128]>,
    moved: Out<examples::nbody::Body>,
) {
    examples::nbody::step(wg, time, bodies, velocities, tile, moved);
}

/// The same with the GPU's approximation of a reciprocal root.
#[kernel(workgroup = 128, fp(fast))]
pub fn nbody_fast(
    wg: Workgroup<1>,
    time: f32,
    bodies: In<examples::nbody::Body>,
    velocities: InOut<[f32; 3]>,
    #[workgroup_shared] tile: Lds<[examples::nbody::Body; 128]>,
    moved: Out<examples::nbody::Body>,
) {
    let pull = wg.private([0.0; 3]);
    for first in (0..bodies.len()).step_by(128) {
        let tile = tile.fill(&wg, |item| bodies.get(first + item.local_x()).copied().unwrap_or_default());
        wg.each(|item| {
            let own = bodies[&item].position;
            let pulled = tile.iter().fold(pull.get(&item), |pull, other| {
                let [x, y, z] = [0, 1, 2].map(|axis| other.position[axis] - own[axis]);
                let inverse = 1.0 / (x * x + y * y + z * z + examples::nbody::SOFTENING).sqrt();
                let strength = other.mass * (inverse * inverse * inverse);
                [pull[0] + x * strength, pull[1] + y * strength, pull[2] + z * strength]
            });
            pull.set(&item, pulled);
        });
    }
    wg.each(|item| {
        let (body, velocity) = bodies[&item].moved(velocities.get(&item), pull.get(&item), time);
        moved.set(&item, body);
        velocities.set(&item, velocity);
    });
}
