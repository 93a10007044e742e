//! A generic kernel with a function parameter: any element type, any closure that captures nothing.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Compare, Example, Outcome, Run};

/// `y = f(x)`.
#[kernel(workgroup = 256)]
pub fn map<T: Element, F: Fn(T) -> T>(item: Item<1>, f: F, x: In<T>, y: Out<T>) {
    y.set(&item, f(x[&item]));
}

/// Maps on the device and in plain Rust, and gives the largest difference.
fn compare<T, F>(device: &Device, f: F, x: &[T]) -> anyhow::Result<f64>
where
    T: Element + Compare,
    F: Fn(T) -> T + Copy + Send + Sync + 'static,
{
    let x_buffer = device.upload(x)?;
    let mut y_buffer = device.zeroed(x.len())?;
    map::launch(device, x.len(), f, &x_buffer, &mut y_buffer)?;
    cli::max_abs_err(&y_buffer.download()?, x.iter().map(|&x| f(x)))
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    let x: Vec<u64> = (0..n as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let floats: Vec<f64> = x.iter().map(|&x| (x >> 40) as f64 / 1024.0 - 8192.0).collect();
    let errors = [
        compare(run.device, |v: f32| v * v - 2.0 * v + 1.0, &floats.iter().map(|&x| x as f32).collect::<Vec<_>>())?,
        compare(run.device, |v: f64| (v.abs() + 1.0).sqrt() / 3.0, &floats)?,
        compare(
            run.device,
            |v: i32| v.wrapping_mul(31).rotate_left(7) ^ v,
            &x.iter().map(|&x| x as i32).collect::<Vec<_>>(),
        )?,
        compare(run.device, |v: u64| v.count_ones() as u64 * (v % 1_000_003), &x)?,
    ];
    let max_abs_err =
        errors.into_iter().fold(0.0, |largest, error| if error > largest || error.is_nan() { error } else { largest });
    Ok(Outcome { size: format!("n={n}"), max_abs_err })
}

fn main() -> ExitCode {
    let example = Example {
        name: "map",
        about: "Maps closures over vectors of f32, f64, i32 and u64 with one generic kernel",
        size: "Elements of a vector",
        default_n: 1 << 18,
        output: None,
    };
    cli::run(example, run)
}
