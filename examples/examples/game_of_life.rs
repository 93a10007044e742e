//! Conway's Game of Life, many generations, as an animated GIF.
#![forbid(unsafe_code)]

use std::{fs::File, io::BufWriter, mem, path::Path, process::ExitCode};

use anyhow::Context;
use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Cells of a work-group along x and y.
const WIDTH: usize = 128;
const HEIGHT: usize = 8;
const GENERATIONS: usize = 24;

/// The next generation: 1 is alive, 0 is dead.
#[kernel(workgroup = [128, 8])]
pub fn generation(
    wg: Workgroup<2>,
    world: Slice<u8>,
    #[workgroup_shared] tile: Lds<[[u8; WIDTH + 2]; HEIGHT + 2]>,
    after: Out<u8>,
) {
    // With a halo of one cell. Beyond the world's edge everything is dead.
    let [x, y] = wg.origin();
    let tile = tile.fill_from(&wg, &world, wg.extent()[0] as usize, [x as isize - 1, y as isize - 1], 0);
    wg.each(|item| {
        let (x, y) = (item.local_x(), item.local_y());
        let three = |y: usize| tile[y][x] + tile[y][x + 1] + tile[y][x + 2];
        let alive = tile[y + 1][x + 1];
        let neighbours = three(y) + three(y + 1) + three(y + 2) - alive;
        // Three neighbours, or two and itself: without branches, in which the items of a group would part.
        after.set(&item, u8::from((neighbours | alive) == 3));
    });
}

/// The next generation in plain Rust.
fn expected([width, height]: [usize; 2], world: &[u8]) -> Vec<u8> {
    let cells = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let next = cells.map(|(x, y)| {
        let around = |n: usize, length: usize| n.saturating_sub(1)..length.min(n + 2);
        let cells = around(y, height).flat_map(|y| &world[y * width..][around(x, width)]);
        match cells.filter(|&&cell| cell == 1).count() - usize::from(world[y * width + x]) {
            2 => world[y * width + x],
            3 => 1,
            _ => 0,
        }
    });
    next.collect()
}

/// A world with about a third of its cells alive.
pub fn soup([width, height]: [usize; 2]) -> Vec<u8> {
    (0..(width * height) as u32).map(|i| u8::from(i.wrapping_mul(i).wrapping_mul(0x9e37_79b9) >> 24 < 85)).collect()
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let size @ [width, height] = [run.n, run.n * 3 / 4 + 1];
    let mut worlds = vec![soup(size)];

    let mut before = run.device.upload(&worlds[0])?;
    let mut after = run.device.zeroed(width * height)?;
    for _ in 0..GENERATIONS {
        generation::launch(run.device, size, &before, &mut after)?;
        mem::swap(&mut before, &mut after);
        worlds.push(before.download()?);
    }
    if let Some(path) = &run.out {
        write_gif(path, size, &worlds).with_context(|| format!("cannot write {}", path.display()))?;
    }

    let mut errors = Vec::new();
    for generations in worlds.windows(2) {
        errors.push(cli::max_abs_err(&generations[1], expected(size, &generations[0]))?);
    }
    Ok(Outcome { size: format!("n={width}x{height}"), max_abs_err: cli::largest(errors) })
}

fn write_gif(path: &Path, [width, height]: [usize; 2], worlds: &[Vec<u8>]) -> anyhow::Result<()> {
    let (width, height) = (width.try_into()?, height.try_into()?);
    let palette = [[16, 16, 32], [240, 240, 200]];
    let mut encoder = gif::Encoder::new(BufWriter::new(File::create(path)?), width, height, palette.as_flattened())?;
    encoder.set_repeat(gif::Repeat::Infinite)?;
    for world in worlds {
        // A cell is its colour's index.
        let mut frame = gif::Frame::from_indexed_pixels(width, height, &world[..], None);
        // In hundredths of a second.
        frame.delay = 10;
        encoder.write_frame(&frame)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let example = Example {
        name: "game_of_life",
        about: "Conway's Game of Life",
        size: "Width of the world in cells; its height is about three quarters of that",
        default_n: 100,
        output: Some("the generations, an animated GIF,"),
    };
    cli::run(example, run)
}
