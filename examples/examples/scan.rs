//! Prefix sums of a whole vector: each work-group scans a tile, the tiles' totals are scanned in the same way, and what lies
//! before a tile is added to it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Elements that one item scans after the other. The more, the less work is left to be done in common.
const OWN: usize = 16;

/// An item's elements of `x`: fewer, or none, at the end.
fn own<'x>(x: &'x [u32], item: &Item<'_, 1>) -> &'x [u32] {
    let first = item.x() * OWN;
    x.get(first..x.len().min(first + OWN)).unwrap_or_default()
}

/// Scans each work-group's elements by themselves. `totals` gets their sum.
#[kernel(workgroup = 256)]
fn scan_tiles(wg: Workgroup<1>, x: Slice<u32>, sums: Out<u32, Tile<OWN>>, totals: Out<u32, PerGroup<1>>) {
    let sum = |item: Item<'_, 1>| own(&x, &item).iter().fold(0, |sum: u32, x| sum.wrapping_add(*x));
    let (before, total) = wg.exclusive_scan(0, sum, |a, b| a.wrapping_add(b));
    wg.each(|mut item| {
        let (x, mut sum) = (own(&x, &item), before.get(&item));
        for (result, x) in sums.slice_mut(&mut item).iter_mut().zip(x) {
            sum = sum.wrapping_add(*x);
            *result = sum;
        }
    });
    wg.once(|mut leader| totals.group_block(&mut leader)[0] = total);
}

/// Adds to each work-group's elements the totals of all groups before it.
#[kernel(workgroup = 256)]
fn add_totals(wg: Workgroup<1>, totals: Slice<u32>, sums: InOut<u32, Tile<OWN>>) {
    if let Some(before) = wg.group_index().checked_sub(1) {
        // The same for all items, so it is read here, once for the group.
        let before = totals[before];
        wg.each(|mut item| sums.slice_mut(&mut item).iter_mut().for_each(|sum| *sum = sum.wrapping_add(before)));
    }
}

/// The sum of every element of `x` and all elements before it, wrapping around. `x` is not empty. The result's length is a
/// multiple of [`OWN`]; what lies behind the last sum is 0 or a total.
pub fn scan(device: &Device, x: &DeviceBuffer<u32>) -> Result<DeviceBuffer<u32>, geobacter::Error> {
    let items = x.len().div_ceil(OWN);
    let groups = items.div_ceil(256);
    let (mut sums, mut totals) = (device.zeroed(items * OWN)?, device.zeroed(groups)?);
    scan_tiles::launch(device, items, x, &mut sums, &mut totals)?;
    if groups > 1 {
        add_totals::launch(device, items, &scan(device, &totals)?, &mut sums)?;
    }
    Ok(sums)
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    let x: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(0x9e37_79b9) >> 12).collect();
    let mut sums = scan(run.device, &run.device.upload(&x)?)?.download()?;
    sums.truncate(n);

    let expected = x.iter().scan(0u32, |sum, &x| {
        *sum = sum.wrapping_add(x);
        Some(*sum)
    });
    Ok(Outcome { size: format!("n={n}"), max_abs_err: cli::max_abs_err(&sums, expected)? })
}

fn main() -> ExitCode {
    let example = Example {
        name: "scan",
        about: "Prefix sums of a vector of u32",
        size: "Elements of the vector",
        default_n: 100_003,
        output: None,
    };
    cli::run(example, run)
}
