//! Heat that spreads over a plate: each cell's next temperature depends on its four neighbours. A work-group loads its cells
//! and a halo of one cell around them into LDS, so that each is read from memory about once and not five times.
#![forbid(unsafe_code)]

use std::{mem, process::ExitCode};

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Cells of a work-group along x and y. Wide, because neighbours along x are neighbours in memory.
const WIDTH: usize = 64;
const HEIGHT: usize = 16;
/// Part of the difference to its neighbours that a cell takes over in one step.
pub const RATE: f32 = 0.2;
const STEPS: usize = 5;

/// A cell's temperature after one step. The one formula of the kernel and of plain Rust, so both give the same bits.
#[inline]
pub fn next(rate: f32, own: f32, [left, right, up, down]: [f32; 4]) -> f32 {
    own + rate * ((left + right) + (up + down) - 4.0 * own)
}

/// One step of the whole plate. Outside of it the temperature is 0.
#[kernel(workgroup = [64, 16])]
pub fn step(
    wg: Workgroup<2>,
    rate: f32,
    plate: Slice<f32>,
    #[workgroup_shared] tile: Lds<[[f32; WIDTH + 2]; HEIGHT + 2]>,
    after: Out<f32>,
) {
    // The halo begins one cell before the group's first.
    let [x, y] = wg.origin();
    let tile = tile.fill_from(&wg, &plate, wg.extent()[0] as usize, [x as isize - 1, y as isize - 1], 0.0);
    wg.each(|item| {
        let (x, y) = (item.local_x() + 1, item.local_y() + 1);
        let neighbours = [tile[y][x - 1], tile[y][x + 1], tile[y - 1][x], tile[y + 1][x]];
        after.set(&item, next(rate, tile[y][x], neighbours));
    });
}

/// The same in plain Rust.
fn expected([width, height]: [usize; 2], plate: &[f32]) -> Vec<f32> {
    let at = |x: usize, y: usize| if x < width && y < height { plate[y * width + x] } else { 0.0 };
    let cells = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let neighbours =
        |x: usize, y: usize| [at(x.wrapping_sub(1), y), at(x + 1, y), at(x, y.wrapping_sub(1)), at(x, y + 1)];
    cells.map(|(x, y)| next(RATE, at(x, y), neighbours(x, y))).collect()
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let size @ [width, height] = [run.n, run.n * 3 / 4 + 1];
    // Cold, with some hot spots.
    let mut plate: Vec<f32> = (0..width * height).map(|i| if i % 37 == 0 { 100.0 } else { 0.0 }).collect();

    let mut before = run.device.upload(&plate)?;
    let mut after = run.device.zeroed(plate.len())?;
    for _ in 0..STEPS {
        step::launch(run.device, size, RATE, &before, &mut after)?;
        mem::swap(&mut before, &mut after);
        plate = expected(size, &plate);
    }
    let max_abs_err = cli::max_abs_err(&before.download()?, plate)?;
    Ok(Outcome { size: format!("n={width}x{height}"), max_abs_err })
}

fn main() -> ExitCode {
    let example = Example {
        name: "stencil2d",
        about: "Heat that spreads over a plate, some steps of it",
        size: "Width of the plate in cells; its height is about three quarters of that",
        default_n: 300,
        output: None,
    };
    cli::run(example, run)
}
