//! Bodies that attract each other, every one all others. The bodies pass through LDS tile by tile: an item loads one of a
//! tile, and all items of the group use it.
#![forbid(unsafe_code)]

use std::{mem, process::ExitCode};

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Bodies of a tile: one for each item of a work-group.
const TILE: usize = 128;
/// Time of one step.
pub const TIME: f32 = 0.01;
const STEPS: usize = 2;

/// Keeps the attraction finite where bodies meet; and a body does not attract itself.
pub const SOFTENING: f32 = 1e-3;

/// A mass point.
#[derive(Clone, Copy, Debug, Default, Element)]
pub struct Body {
    /// Along x, y and z.
    pub position: [f32; 3],
    /// Times the constant of gravity.
    pub mass: f32,
}

impl Body {
    /// Adds another body's attraction to `pull`, an acceleration.
    #[inline]
    pub fn pulled_by(&self, other: &Self, pull: [f32; 3]) -> [f32; 3] {
        let [x, y, z] = [0, 1, 2].map(|axis| other.position[axis] - self.position[axis]);
        let square = x * x + y * y + z * z + SOFTENING;
        let strength = other.mass / (square * square.sqrt());
        [pull[0] + x * strength, pull[1] + y * strength, pull[2] + z * strength]
    }

    /// Where the body is after a while, and its velocity there.
    #[inline]
    pub fn moved(&self, velocity: [f32; 3], pull: [f32; 3], time: f32) -> (Self, [f32; 3]) {
        let velocity = [0, 1, 2].map(|axis| velocity[axis] + pull[axis] * time);
        let position = [0, 1, 2].map(|axis| self.position[axis] + velocity[axis] * time);
        (Self { position, ..*self }, velocity)
    }
}

/// One step of all bodies.
#[kernel(workgroup = 128)]
pub fn step(
    wg: Workgroup<1>,
    time: f32,
    bodies: In<Body>,
    velocities: InOut<[f32; 3]>,
    #[workgroup_shared] tile: Lds<[Body; TILE]>,
    moved: Out<Body>,
) {
    let pull = wg.private([0.0; 3]);
    for first in (0..bodies.len()).step_by(TILE) {
        // Beyond the last body stand some without mass, which attract nobody.
        let tile = tile.fill(&wg, |item| bodies.get(first + item.local_x()).copied().unwrap_or_default());
        wg.each(|item| {
            let body = bodies[&item];
            pull.set(&item, tile.iter().fold(pull.get(&item), |pull, other| body.pulled_by(other, pull)));
        });
    }
    wg.each(|item| {
        let (body, velocity) = bodies[&item].moved(velocities.get(&item), pull.get(&item), time);
        moved.set(&item, body);
        velocities.set(&item, velocity);
    });
}

/// Bodies in a cube.
pub fn cloud(n: usize) -> Vec<Body> {
    let coordinate = |i: usize| ((i as u32).wrapping_mul(0x9e37_79b9) >> 16) as f32 / 32768.0 - 1.0;
    let position = |i: usize| [coordinate(3 * i), coordinate(3 * i + 1), coordinate(3 * i + 2)];
    (0..n).map(|i| Body { position: position(i), mass: 0.001 * (i % 10 + 1) as f32 }).collect()
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    let (mut bodies, mut velocities) = (cloud(n), vec![[0.0; 3]; n]);

    let mut before = run.device.upload(&bodies)?;
    let mut after = run.device.upload(&bodies)?;
    let mut velocity_buffer = run.device.upload(&velocities)?;
    for _ in 0..STEPS {
        step::launch(run.device, n, TIME, &before, &mut velocity_buffer, &mut after)?;
        mem::swap(&mut before, &mut after);

        // In plain Rust, in the same order: square roots and divisions are exact to the last bit on every device.
        let pull = |body: &Body| bodies.iter().fold([0.0; 3], |pull, other| body.pulled_by(other, pull));
        let moved = bodies.iter().zip(&velocities).map(|(body, &velocity)| body.moved(velocity, pull(body), TIME));
        (bodies, velocities) = moved.unzip();
    }
    let numbers = |body: &Body| [body.position[0], body.position[1], body.position[2], body.mass];
    let found: Vec<f32> = before.download()?.iter().flat_map(numbers).collect();
    let errors = [
        cli::max_abs_err(&found, bodies.iter().flat_map(numbers))?,
        cli::max_abs_err(velocity_buffer.download()?.as_flattened(), velocities.as_flattened().iter().copied())?,
    ];
    Ok(Outcome { size: format!("n={n}"), max_abs_err: cli::largest(errors) })
}

fn main() -> ExitCode {
    let example = Example {
        name: "nbody",
        about: "Bodies that attract each other, some steps of them",
        size: "Number of bodies",
        default_n: 700,
        output: None,
    };
    cli::run(example, run)
}
