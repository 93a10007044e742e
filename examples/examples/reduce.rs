//! All elements of a vector combined to one: each work-group reduces a block, and what the groups found is reduced again,
//! until one value is left.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::{LdsElement, prelude::*};
use geobacter_examples::cli::{self, Compare, Example, Outcome, Run};

/// Items of a work-group.
const GROUP: usize = 256;
/// Elements that a work-group reduces. Each item combines several of its own before the group works together, which costs
/// barriers.
const BLOCK: usize = GROUP * 32;

/// The grid has `GROUP` items for each block of `x`, which has one of the results.
#[kernel(workgroup = 256)]
fn reduce_blocks<T: Element + LdsElement, F: Fn(T, T) -> T + Sync>(
    wg: Workgroup<1>,
    identity: T,
    combine: F,
    x: Slice<T>,
    results: Out<T, PerGroup<1>>,
) {
    let block = x.chunks(BLOCK).nth(wg.group_index()).unwrap_or_default();
    // Neighbouring items read neighbouring elements, row by row: that is how memory is fast. Eight
    // rows at once, so that several elements are on their way.
    let (rows, rest) = block.as_chunks::<GROUP>();
    let (eights, rows) = rows.as_chunks::<8>();
    let own = wg.private(identity);
    for rows in eights {
        wg.each(|item| {
            let column = rows.iter().map(|row| row[item.local_x()]);
            own.set(&item, column.fold(own.get(&item), &combine));
        });
    }
    for row in rows.iter().map(|row| &row[..]).chain([rest]) {
        wg.each(|item| {
            if let Some(&value) = row.get(item.local_x()) {
                own.set(&item, combine(own.get(&item), value));
            }
        });
    }
    let result = wg.reduce(identity, |item| own.get(&item), combine);
    wg.once(|mut leader| results.group_block(&mut leader)[0] = result);
}

/// Reduces a vector, which is not empty. `combine` is associative and commutative, and `identity` its neutral element.
pub fn reduce<T, F>(device: &Device, identity: T, combine: F, x: &DeviceBuffer<T>) -> Result<T, geobacter::Error>
where
    T: Element + LdsElement,
    F: Fn(T, T) -> T + Copy + Send + Sync + 'static,
{
    let mut left: Option<DeviceBuffer<T>> = None;
    loop {
        let x = left.as_ref().unwrap_or(x);
        let groups = x.len().div_ceil(BLOCK);
        let mut results = device.zeroed(groups)?;
        reduce_blocks::launch(device, groups * GROUP, identity, combine, x, &mut results)?;
        if groups == 1 {
            return Ok(results.download()?[0]);
        }
        left = Some(results);
    }
}

/// Reduces on the device and in plain Rust, and gives the difference.
fn compare<T, F>(device: &Device, identity: T, combine: F, x: &[T]) -> anyhow::Result<f64>
where
    T: Element + LdsElement + Compare,
    F: Fn(T, T) -> T + Copy + Send + Sync + 'static,
{
    let found = reduce(device, identity, combine, &device.upload(x)?)?;
    cli::max_abs_err(&[found], [x.iter().copied().fold(identity, combine)])
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    let numbers: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
    // Whole numbers, whose sum is exact in any order.
    let floats: Vec<f64> = numbers.iter().map(|&x| f64::from(x >> 8)).collect();
    let errors = [
        compare(run.device, 0, |a: u32, b| a.wrapping_add(b), &numbers)?,
        compare(run.device, u32::MAX, u32::min, &numbers)?,
        compare(run.device, 0.0, |a: f64, b| a + b, &floats)?,
        compare(run.device, f64::NEG_INFINITY, f64::max, &floats)?,
    ];
    Ok(Outcome { size: format!("n={n}"), max_abs_err: cli::largest(errors) })
}

fn main() -> ExitCode {
    let example = Example {
        name: "reduce",
        about: "Sums, minimum and maximum of vectors of u32 and f64, with one generic kernel",
        size: "Elements of a vector",
        default_n: 200_003,
        output: None,
    };
    cli::run(example, run)
}
