//! The examples' algorithms with rayon: what one would write for a processor, without Geobacter.

use rayon::prelude::*;

use crate::examples::{histogram, mandelbrot, nbody::Body, sort, stencil2d};

/// Elements that are worth another thread.
const CHUNK: usize = 16 * 1024;
/// Width and height of a tile.
const TILE: usize = 16;

pub(crate) fn saxpy(a: f32, x: &[f32], y: &mut [f32]) {
    y.par_iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

pub(crate) fn map(f: impl Fn(f32) -> f32 + Sync, x: &[f32], y: &mut [f32]) {
    y.par_iter_mut().zip(x).for_each(|(y, &x)| *y = f(x));
}

pub(crate) fn mandelbrot(view: mandelbrot::View, [width, _]: [usize; 2], limit: u32, image: &mut [u32]) {
    image.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = mandelbrot::iterations(mandelbrot::point(view, x, y), limit);
        }
    });
}

pub(crate) fn matmul_naive([_, inner, columns]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    c.par_chunks_mut(columns).zip(a.par_chunks(inner)).for_each(|(c, a)| {
        for (column, c) in c.iter_mut().enumerate() {
            *c = (0..inner).fold(0.0, |sum, i| sum + a[i] * b[i * columns + column]);
        }
    });
}

pub(crate) fn matmul_tiled([_, inner, columns]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    c.par_chunks_mut(TILE * columns).zip(a.par_chunks(TILE * inner)).for_each(|(c, a)| {
        for left in (0..columns).step_by(TILE) {
            let width = TILE.min(columns - left);
            let mut sums = [[0.0; TILE]; TILE];
            for start in (0..inner).step_by(TILE) {
                for (a, sums) in a.chunks(inner).zip(&mut sums) {
                    for k in start..inner.min(start + TILE) {
                        let b = &b[k * columns + left..][..width];
                        sums.iter_mut().zip(b).for_each(|(sum, b)| *sum += a[k] * b);
                    }
                }
            }
            for (c, sums) in c.chunks_mut(columns).zip(&sums) {
                c[left..][..width].copy_from_slice(&sums[..width]);
            }
        }
    });
}

pub(crate) fn reduce<T, F>(identity: T, combine: F, x: &[T]) -> T
where
    T: Copy + Send + Sync,
    F: Fn(T, T) -> T + Copy + Send + Sync,
{
    x.par_chunks(CHUNK).map(|chunk| chunk.iter().copied().fold(identity, combine)).reduce(|| identity, combine)
}

pub(crate) fn scan(x: &[u32]) -> Vec<u32> {
    let mut sums = vec![0; x.len()];
    let totals = sums.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).map(|(sums, x)| {
        let mut total = 0u32;
        for (sum, x) in sums.iter_mut().zip(x) {
            total = total.wrapping_add(*x);
            *sum = total;
        }
        total
    });
    let mut before: Vec<u32> = totals.collect();
    let mut total = 0u32;
    for before in &mut before {
        let own = *before;
        *before = total;
        total = total.wrapping_add(own);
    }
    sums.par_chunks_mut(CHUNK).zip(before).for_each(|(sums, before)| {
        sums.iter_mut().for_each(|sum| *sum = sum.wrapping_add(before));
    });
    sums
}

pub(crate) fn histogram(bytes: &[u8]) -> [u32; 256] {
    let counts = bytes.par_chunks(histogram::BLOCK).map(|block| {
        let mut counts = [0u32; 256];
        block.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
        counts
    });
    counts.reduce(|| [0; 256], |a, b| std::array::from_fn(|bin| a[bin] + b[bin]))
}

pub(crate) fn transpose([rows, columns]: [usize; 2], matrix: &[f32], transposed: &mut [f32]) {
    transposed.par_chunks_mut(TILE * rows).enumerate().for_each(|(tile, transposed)| {
        for left in (0..rows).step_by(TILE) {
            for (y, transposed) in transposed.chunks_mut(rows).enumerate() {
                for x in left..rows.min(left + TILE) {
                    transposed[x] = matrix[x * columns + tile * TILE + y];
                }
            }
        }
    });
}

pub(crate) fn stencil2d(rate: f32, [width, _]: [usize; 2], plate: &[f32], after: &mut [f32]) {
    let outside = vec![0.0; width];
    after.par_chunks_mut(width).enumerate().for_each(|(y, after)| {
        let row = |y: usize| plate.chunks(width).nth(y).unwrap_or(&outside);
        let (up, own, down) = (row(y.wrapping_sub(1)), row(y), row(y + 1));
        let cell = |x: usize, left: f32, right: f32| stencil2d::next(rate, own[x], [left, right, up[x], down[x]]);
        let last = width - 1;
        after[0] = cell(0, 0.0, if last > 0 { own[1] } else { 0.0 });
        for x in 1..last {
            after[x] = cell(x, own[x - 1], own[x + 1]);
        }
        if last > 0 {
            after[last] = cell(last, own[last - 1], 0.0);
        }
    });
}

pub(crate) fn nbody(time: f32, bodies: &[Body], velocities: &mut [[f32; 3]], moved: &mut [Body]) {
    moved.par_iter_mut().zip(velocities).zip(bodies).for_each(|((moved, velocity), body)| {
        let pull = bodies.iter().fold([0.0; 3], |pull, other| body.pulled_by(other, pull));
        (*moved, *velocity) = body.moved(*velocity, pull, time);
    });
}

pub(crate) fn sort(x: &mut [u32]) {
    fn exchange(a: &mut u32, b: &mut u32) {
        (*a, *b) = ((*a).min(*b), (*a).max(*b));
    }
    fn mirrored(x: &mut [u32], run: usize) {
        for pair in x.chunks_mut(2 * run) {
            let end = 2 * run;
            for place in end.saturating_sub(pair.len())..run {
                let (first, second) = pair.split_at_mut(run);
                exchange(&mut first[place], &mut second[run - 1 - place]);
            }
        }
    }
    fn halved(x: &mut [u32], mut distance: usize) {
        while distance > 0 {
            for pair in x.chunks_mut(2 * distance) {
                let (first, second) = pair.split_at_mut(distance.min(pair.len()));
                first.iter_mut().zip(second).for_each(|(a, b)| exchange(a, b));
            }
            distance /= 2;
        }
    }
    x.par_chunks_mut(sort::TILE).for_each(|tile| {
        let mut run = 1;
        while run < tile.len() {
            mirrored(tile, run);
            halved(tile, run / 2);
            run *= 2;
        }
    });
    let mut run = sort::TILE;
    while run < x.len() {
        x.par_chunks_mut(2 * run).for_each(|pair| {
            if pair.len() > run {
                let (first, second) = pair.split_at_mut(run);
                let skipped = run - second.len();
                let mirror = second.par_iter_mut().rev();
                first[skipped..].par_iter_mut().zip(mirror).with_min_len(CHUNK).for_each(|(a, b)| exchange(a, b));
            }
        });
        let mut distance = run / 2;
        while distance >= sort::TILE {
            x.par_chunks_mut(2 * distance).for_each(|pair| {
                let (first, second) = pair.split_at_mut(distance.min(pair.len()));
                let pairs = first.par_iter_mut().zip(second);
                pairs.with_min_len(CHUNK).for_each(|(a, b)| exchange(a, b));
            });
            distance /= 2;
        }
        x.par_chunks_mut(sort::TILE).for_each(|tile| halved(tile, sort::TILE / 2));
        run *= 2;
    }
}

pub(crate) fn game_of_life([width, _]: [usize; 2], world: &[u8], after: &mut [u8]) {
    let outside = vec![0; width];
    after.par_chunks_mut(width).enumerate().for_each(|(y, after)| {
        let row = |y: usize| world.chunks(width).nth(y).unwrap_or(&outside);
        let rows = [row(y.wrapping_sub(1)), row(y), row(y + 1)];
        let next = |alive: u8, neighbours: u8| u8::from(neighbours == 3 || neighbours == 2 && alive == 1);
        for x in 1..width - 1 {
            let neighbours: u8 = rows.iter().map(|row| row[x - 1] + row[x] + row[x + 1]).sum();
            after[x] = next(rows[1][x], neighbours - rows[1][x]);
        }
        for x in [0, width - 1] {
            let around = x.saturating_sub(1)..width.min(x + 2);
            let neighbours: u8 = rows.iter().flat_map(|row| &row[around.clone()]).sum();
            after[x] = next(rows[1][x], neighbours - rows[1][x]);
        }
    });
}
