//! `y = a * x + y`, one element for each work-item.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// `y = a * x + y`.
#[kernel(workgroup = 256)]
pub fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    let a = 2.5;
    let x: Vec<f32> = (0..n).map(|i| (i % 1000) as f32 * 0.25).collect();
    let y: Vec<f32> = (0..n).map(|i| 1.0 - (i % 77) as f32 / 3.0).collect();

    let x_buffer = run.device.upload(&x)?;
    let mut y_buffer = run.device.upload(&y)?;
    saxpy::launch(run.device, n, a, &x_buffer, &mut y_buffer)?;

    let expected = x.iter().zip(&y).map(|(x, y)| a * x + y);
    Ok(Outcome { size: format!("n={n}"), max_abs_err: cli::max_abs_err(&y_buffer.download()?, expected)? })
}

fn main() -> ExitCode {
    let example = Example {
        name: "saxpy",
        about: "y = a * x + y on vectors of f32",
        size: "Elements of a vector",
        default_n: 1 << 20,
        output: None,
    };
    cli::run(example, run)
}
