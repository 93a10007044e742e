//! All elements of a vector combined to one: each work-group reduces a block, and what the groups found is reduced again,
//! until one value is left.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::{LdsElement, prelude::*};
use geobacter_examples::cli::{self, Compare, Example, Outcome, Run};

/// Items of a work-group.
const GROUP: usize = 256;
/// Elements that an item reads at once.
const WIDE: usize = 4;
/// Fewest elements that a work-group reduces. Each item combines several of its own before the group works together, which
/// costs barriers.
const LEAST: usize = GROUP * 32;
/// Work-groups for each compute unit, where there is enough to do: they need not be done at the same time.
const GROUPS_PER_UNIT: usize = 64;

/// The grid has `GROUP` items for each block of `x`, which has one of the results.
#[kernel(workgroup = 256)]
pub fn reduce_blocks<T: Element + LdsElement, F: Fn(T, T) -> T + Sync>(
    wg: Workgroup<1>,
    identity: T,
    combine: F,
    block: usize,
    x: Slice<T>,
    results: Out<T, PerGroup<1>>,
) {
    let block = x.chunks(block).nth(wg.group_index()).unwrap_or_default();
    // Neighbouring items read neighbouring elements, row by row, each of them several with one load: that is how memory is
    // fast.
    let (wide, rest) = block.as_chunks::<WIDE>();
    let (rows, last) = wide.as_chunks::<GROUP>();
    let own = wg.private([identity; WIDE]);
    let add = |own: &mut [T; WIDE], values: &[T; WIDE]| *own = std::array::from_fn(|i| combine(own[i], values[i]));
    for row in rows {
        wg.each_local(|mut item| {
            let values = &row[item.local_x()];
            add(own.at(&mut item), values);
        });
    }
    wg.each_local(|mut item| {
        if let Some(values) = last.get(item.local_x()) {
            add(own.at(&mut item), values);
        }
    });
    let of_item = |item: Item<'_, 1>| {
        let odd = rest.get(item.local_x()).copied().unwrap_or(identity);
        own.get(&item).into_iter().fold(odd, &combine)
    };
    let result = wg.reduce(identity, of_item, combine);
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
        let most = device.info().compute_units as usize * GROUPS_PER_UNIT;
        let block = x.len().div_ceil(most).next_multiple_of(GROUP * WIDE).max(LEAST);
        let groups = x.len().div_ceil(block);
        let mut results = device.zeroed(groups)?;
        reduce_blocks::launch(device, groups * GROUP, identity, combine, block, x, &mut results)?;
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
