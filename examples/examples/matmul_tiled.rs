//! The product of two rectangular matrices, tile by tile: each work-group loads a tile of both into LDS, where every element
//! is used 16 times, instead of loading it 16 times from memory.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Width and height of a tile.
const TILE: usize = 16;

/// `c = a * b`, where `a` has `inner` columns and `b` has `inner` rows. The grid is `c`: columns along x, rows along y.
#[kernel(workgroup = [16, 16])]
pub fn matmul(
    wg: Workgroup<2>,
    inner: usize,
    a: Slice<f32>,
    b: Slice<f32>,
    #[workgroup_shared] tile_a: Lds<[[f32; TILE]; TILE]>,
    #[workgroup_shared] tile_b: Lds<[[f32; TILE]; TILE]>,
    c: Out<f32>,
) {
    let columns = wg.extent()[0] as usize;
    let sum = wg.private(0.0);
    for start in (0..inner).step_by(TILE) {
        // Beyond the matrices' edges stand zeros, which add nothing. Rows below the last one are behind the slice's end.
        let element = |matrix: &Slice<f32>, width: usize, x: usize, y: usize| {
            if x < width { matrix.get(y * width + x).copied().unwrap_or(0.0) } else { 0.0 }
        };
        let (a, b) = (&mut tile_a, &mut tile_b).fill(&wg, |item| {
            let left = element(&a, inner, start + item.local_x(), item.y());
            let right = element(&b, columns, item.x(), start + item.local_y());
            (left, right)
        });
        wg.each_local(|item| {
            let mut own = sum.get(&item);
            for k in 0..TILE {
                own += a[item.local_y()][k] * b[k][item.local_x()];
            }
            sum.set(&item, own);
        });
    }
    wg.each(|item| c.set(&item, sum.get(&item)));
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let [rows, inner, columns] = [run.n, run.n * 3 / 4 + 1, run.n / 2 + 1];
    let a: Vec<f32> = (0..rows * inner).map(|i| (i % 23) as f32 * 0.37 - 3.0).collect();
    let b: Vec<f32> = (0..inner * columns).map(|i| (i % 19) as f32 * 0.21 - 2.0).collect();

    let (a_buffer, b_buffer) = (run.device.upload(&a)?, run.device.upload(&b)?);
    let mut c_buffer = run.device.zeroed(rows * columns)?;
    matmul::launch(run.device, [columns, rows], inner, &a_buffer, &b_buffer, &mut c_buffer)?;

    // The kernel adds in the same order, so the results are the same to the bit.
    let elements = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let expected =
        elements.map(|(row, column)| (0..inner).fold(0.0, |sum, i| sum + a[row * inner + i] * b[i * columns + column]));
    let max_abs_err = cli::max_abs_err(&c_buffer.download()?, expected)?;
    Ok(Outcome { size: format!("n={rows}x{inner}x{columns}"), max_abs_err })
}

fn main() -> ExitCode {
    let example = Example {
        name: "matmul_tiled",
        about: "Multiplies rectangular matrices of f32, with tiles of them in LDS",
        size: "Rows of the first matrix; it has about three quarters as many columns",
        default_n: 200,
        output: None,
    };
    cli::run(example, run)
}
