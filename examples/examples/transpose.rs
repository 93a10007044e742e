//! A matrix turned over its diagonal. Neighbouring items should read and write neighbouring elements, but what is a row on one
//! side is a column on the other: so a tile is read by rows into LDS, and written by rows from its columns.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::{LdsElement, prelude::*};
use geobacter_examples::cli::{self, Compare, Example, Outcome, Run};

/// The grid is the result: the matrix's rows along x, its columns along y.
#[kernel(workgroup = [16, 16])]
pub fn transpose<T: Element + LdsElement + Default>(
    wg: Workgroup<2>,
    matrix: Slice<T>,
    #[workgroup_shared] tile: Lds<[[T; 16]; 16]>,
    transposed: Out<T>,
) {
    let columns = wg.extent()[1] as usize;
    let [first_row, first_column] = wg.origin();
    // A tile at the edge reaches beyond the matrix. What stands there is not used.
    let corner = [first_column as isize, first_row as isize];
    let tile = tile.fill_from(&wg, &matrix, columns, corner, T::default());
    wg.each(|item| transposed.set(&item, tile[item.local_x()][item.local_y()]));
}

/// Transposes on the device and in plain Rust, and gives the largest difference.
fn compare<T>(device: &Device, [rows, columns]: [usize; 2], value: impl Fn(usize) -> T) -> anyhow::Result<f64>
where
    T: Element + LdsElement + Default + Compare,
{
    let matrix: Vec<T> = (0..rows * columns).map(value).collect();
    let mut transposed = device.zeroed(rows * columns)?;
    transpose::launch(device, [rows, columns], &device.upload(&matrix)?, &mut transposed)?;

    let expected = (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns).copied());
    cli::max_abs_err(&transposed.download()?, expected)
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let shape @ [rows, columns] = [run.n, run.n * 3 / 4 + 1];
    let errors = [compare(run.device, shape, |i| i as f32)?, compare(run.device, shape, |i| (i * i) as u8)?];
    Ok(Outcome { size: format!("n={rows}x{columns}"), max_abs_err: cli::largest(errors) })
}

fn main() -> ExitCode {
    let example = Example {
        name: "transpose",
        about: "Transposes matrices of f32 and of u8 with one generic kernel",
        size: "Rows of the matrix; it has about three quarters as many columns",
        default_n: 500,
        output: None,
    };
    cli::run(example, run)
}
