//! Sorting a whole vector by Batcher's bitonic network: work-groups sort tiles in LDS; then pairs of sorted runs are merged,
//! with comparisons over large distances in memory and over small ones in LDS again.
//!
//! In the form used here every comparison puts the smaller element first. So elements beyond the end, which count as larger
//! than all others, would never move, and need not be there: any length can be sorted.
#![forbid(unsafe_code)]

use std::{mem, process::ExitCode};

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Elements that a work-group has in LDS: one for each of its items.
pub const TILE: usize = 1024;

/// Items of a work-group that compares in memory.
const GROUP: usize = 256;

/// Sorts each tile by itself.
#[kernel(workgroup = 1024)]
fn sort_tiles(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[u32; TILE]>, x: InOut<u32>) {
    let mut tile = tile.fill(&wg, |item| item.in_grid().map_or(u32::MAX, |item| x.get(item)));
    wg.sort(&mut tile);
    wg.each(|item| x.set(&item, tile[item.local_x()]));
}

/// One step of a merge. An element's partner has the place that differs in the bits of `mask`: all low bits, or none.
///
/// Both items of a pair compare, and each writes its own element: reading twice is cheaper than idle items.
#[kernel(workgroup = 256)]
fn compare(wg: Workgroup<1>, mask: usize, x: In<u32>, y: Out<u32>) {
    // All partners of a group's elements stand in the place of another group, in the same order or reversed.
    let [place] = wg.origin();
    let (others, mirrored) = (place ^ mask, mask % 2 == 1);
    let partners = x.chunks(GROUP).nth(others / GROUP).unwrap_or_default();
    let kept = |own: u32, other: u32| if place < others { own.min(other) } else { own.max(other) };
    let partner = |local: usize| if mirrored { GROUP - 1 - local } else { local };
    if let Some(partners) = partners.first_chunk::<GROUP>() {
        wg.each(|item| y.set(&item, kept(x[&item], partners[partner(item.local_x())])));
    } else {
        // The last group, or one whose partners would stand beyond the end.
        wg.each(|item| {
            let other = partners.get(partner(item.local_x())).copied().unwrap_or(u32::MAX);
            y.set(&item, kept(x[&item], other));
        });
    }
}

/// The last steps of a merge, whose partners lie in one tile.
#[kernel(workgroup = 1024)]
fn merge_in_tiles(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[u32; TILE]>, x: InOut<u32>) {
    let mut tile = tile.fill(&wg, |item| item.in_grid().map_or(u32::MAX, |item| x.get(item)));
    wg.sort_bitonic(&mut tile);
    wg.each(|item| x.set(&item, tile[item.local_x()]));
}

/// Sorts a vector, which is not empty.
pub fn sort(device: &Device, x: &mut DeviceBuffer<u32>) -> Result<(), geobacter::Error> {
    let n = x.len();
    sort_tiles::launch(device, n, &mut *x)?;
    let mut other = device.zeroed(n)?;
    // Length of the sorted runs.
    let mut run = TILE;
    while run < n {
        // First with the mirror image in the other run of the pair, then over distances that halve.
        let masks = std::iter::successors(Some(run / 2), |distance| Some(distance / 2));
        for mask in std::iter::once(2 * run - 1).chain(masks.take_while(|&distance| distance >= TILE)) {
            compare::launch(device, n, mask, &*x, &mut other)?;
            mem::swap(x, &mut other);
        }
        merge_in_tiles::launch(device, n, &mut *x)?;
        run *= 2;
    }
    Ok(())
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    let mut x: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(0x9e37_79b9) % 1_000_003).collect();
    let mut buffer = run.device.upload(&x)?;
    sort(run.device, &mut buffer)?;

    x.sort();
    Ok(Outcome { size: format!("n={n}"), max_abs_err: cli::max_abs_err(&buffer.download()?, x)? })
}

fn main() -> ExitCode {
    let example = Example {
        name: "sort",
        about: "Sorts a vector of u32",
        size: "Elements of the vector",
        default_n: 10_007,
        output: None,
    };
    cli::run(example, run)
}
