//! The product of two rectangular matrices, one work-item for each element of it, for any type that can be multiplied and
//! added.
#![forbid(unsafe_code)]

use std::{
    ops::{Add, Mul},
    process::ExitCode,
};

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Compare, Example, Outcome, Run};

/// What the elements of a matrix can do.
pub trait Number: Element + Default + Add<Output = Self> + Mul<Output = Self> {}
impl<T: Element + Default + Add<Output = T> + Mul<Output = T>> Number for T {}

/// `c = a * b`, where `a` has `inner` columns and `b` has `inner` rows. The grid is `c`: columns along x, rows along y.
#[kernel(workgroup = [16, 16])]
pub fn matmul<T: Number>(item: Item<2>, inner: usize, a: Slice<T>, b: Slice<T>, c: Out<T>) {
    let [columns, _] = item.extent();
    let mut sum = T::default();
    for i in 0..inner {
        sum = sum + a[item.y() * inner + i] * b[i * columns as usize + item.x()];
    }
    c.set(&item, sum);
}

/// Multiplies on the device and in plain Rust, and gives the largest difference.
fn compare<T: Number + Compare>(device: &Device, shape: [usize; 3], value: impl Fn(usize) -> T) -> anyhow::Result<f64> {
    let [rows, inner, columns] = shape;
    let a: Vec<T> = (0..rows * inner).map(|i| value(i % 23)).collect();
    let b: Vec<T> = (0..inner * columns).map(|i| value(i % 19)).collect();

    let (a_buffer, b_buffer) = (device.upload(&a)?, device.upload(&b)?);
    let mut c_buffer = device.zeroed(rows * columns)?;
    matmul::launch(device, [columns, rows], inner, &a_buffer, &b_buffer, &mut c_buffer)?;

    let elements = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let expected = elements.map(|(row, column)| {
        (0..inner).fold(T::default(), |sum, i| sum + a[row * inner + i] * b[i * columns + column])
    });
    cli::max_abs_err(&c_buffer.download()?, expected)
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let shape @ [rows, inner, columns] = [run.n, run.n * 3 / 4, run.n / 2 + 1];
    let float = compare(run.device, shape, |i| i as f32 * 0.37 - 3.0)?;
    let integer = compare(run.device, shape, |i| i as i32 - 9)?;
    let max_abs_err = if float.is_nan() { float } else { float.max(integer) };
    Ok(Outcome { size: format!("n={rows}x{inner}x{columns}"), max_abs_err })
}

fn main() -> ExitCode {
    let example = Example {
        name: "matmul_naive",
        about: "Multiplies rectangular matrices of f32 and of i32 with one generic kernel",
        size: "Rows of the first matrix; it has three quarters as many columns",
        default_n: 160,
        output: None,
    };
    cli::run(example, run)
}
