//! The Mandelbrot set: a 2-D grid, and a loop that ends at another time for each item.
#![forbid(unsafe_code)]

use std::{fs::File, io::BufWriter, path::Path, process::ExitCode};

use anyhow::Context;
use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Iterations after which a point counts as one of the set.
pub const MAX_ITERATIONS: u32 = 256;

/// The part of the plane that an image shows.
#[derive(Clone, Copy)]
pub struct View {
    /// Real part of the left edge.
    pub left: f32,
    /// Imaginary part of the upper edge.
    pub top: f32,
    /// Distance between pixels.
    pub step: f32,
}

/// Iterations until `c` leaves the circle of radius 2.
pub fn iterations(c: [f32; 2], limit: u32) -> u32 {
    let [mut x, mut y] = [0.0f32; 2];
    for iteration in 0..limit {
        if x * x + y * y > 4.0 {
            return iteration;
        }
        [x, y] = [x * x - y * y + c[0], 2.0 * x * y + c[1]];
    }
    limit
}

/// A pixel's place in the plane.
pub fn point(view: View, x: usize, y: usize) -> [f32; 2] {
    [view.left + x as f32 * view.step, view.top - y as f32 * view.step]
}

/// Iterations for each pixel.
#[kernel(workgroup = [16, 16])]
pub fn mandelbrot(item: Item<2>, left: f32, top: f32, step: f32, limit: u32, image: Out<u32>) {
    let c = point(View { left, top, step }, item.x(), item.y());
    image.set(&item, iterations(c, limit));
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let (width, height) = (run.n, run.n * 3 / 4);
    let view = View { left: -2.25, top: 1.125, step: 3.0 / width as f32 };

    let mut buffer = run.device.zeroed(width * height)?;
    mandelbrot::launch(run.device, [width, height], view.left, view.top, view.step, MAX_ITERATIONS, &mut buffer)?;
    let image = buffer.download()?;

    if let Some(path) = &run.out {
        write_png(path, width, height, &image).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let expected = pixels.map(|(x, y)| iterations(point(view, x, y), MAX_ITERATIONS));
    Ok(Outcome { size: format!("n={width}x{height}"), max_abs_err: cli::max_abs_err(&image, expected)? })
}

fn write_png(path: &Path, width: usize, height: usize, image: &[u32]) -> anyhow::Result<()> {
    let pixels: Vec<u8> = image.iter().flat_map(|&iterations| colour(iterations)).collect();
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width.try_into()?, height.try_into()?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(())
}

/// Black inside; outside, from dark blue through white to orange and back. Integers, so that equal counts give equal bytes.
fn colour(iterations: u32) -> [u8; 3] {
    const STOPS: [[i32; 3]; 5] = [[0, 7, 100], [32, 107, 203], [237, 255, 255], [255, 170, 0], [0, 2, 0]];
    if iterations >= MAX_ITERATIONS {
        return [0; 3];
    }
    let position = (iterations % 64) as usize;
    let (from, to, part) = (STOPS[position / 16], STOPS[position / 16 + 1], (position % 16) as i32);
    std::array::from_fn(|i| (from[i] + (to[i] - from[i]) * part / 16) as u8)
}

fn main() -> ExitCode {
    let example = Example {
        name: "mandelbrot",
        about: "Draws the Mandelbrot set",
        size: "Width of the image in pixels; its height is three quarters of that",
        default_n: 512,
        output: Some("the image, a PNG,"),
    };
    cli::run(example, run)
}
