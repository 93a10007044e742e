//! The dot product of two vectors: each item adds up products of its own, each wave adds up what its items have, without memory and
//! without a barrier, and one item of it adds that to the result.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Products for each item, where there are enough.
const EACH: usize = 16;

/// Items go through the vectors side by side, as often as it takes.
#[kernel(workgroup = 256)]
fn dot_product(wg: Workgroup<1>, x: Slice<f32>, y: Slice<f32>, result: Atomics<f64>) {
    let [stride] = wg.extent();
    wg.waves(|wave| {
        let sums = wave.varying_or(0.0, |item| {
            let own = x.iter().zip(y.iter()).skip(item.x()).step_by(stride as usize);
            own.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        });
        let sum = wave.reduce(&sums, |a: f64, b| a + b);
        wave.once(|item| {
            result.at(0).fetch_add(&item, sum);
        });
    });
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    // Whole numbers, whose products and sum are exact in any order.
    let numbers = |seed: u32| (0..n as u32).map(move |i| (i.wrapping_mul(seed) >> 22) as f32 - 512.0);
    let (x, y): (Vec<f32>, Vec<f32>) = (numbers(0x9e37_79b9).collect(), numbers(0x85eb_ca6b).collect());
    let mut result = run.device.zeroed(1)?;
    let (x_buffer, y_buffer) = (run.device.upload(&x)?, run.device.upload(&y)?);
    dot_product::launch(run.device, n.div_ceil(EACH), &x_buffer, &y_buffer, &mut result)?;
    let expected: f64 = x.iter().zip(&y).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    Ok(Outcome { size: format!("n={n}"), max_abs_err: cli::max_abs_err(&result.download()?, [expected])? })
}

fn main() -> ExitCode {
    let example = Example {
        name: "dot",
        about: "The dot product of two vectors of f32, with waves",
        size: "Elements of a vector",
        default_n: 200_003,
        output: None,
    };
    cli::run(example, run)
}
