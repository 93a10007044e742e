//! How often each byte occurs: each work-group counts in LDS, where atomics are fast, and adds its counts to those of all in
//! memory at its end.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use geobacter::prelude::*;
use geobacter_examples::cli::{self, Example, Outcome, Run};

/// Values of a byte, and items of a work-group.
const BINS: usize = 256;
/// Bytes that a work-group counts: so many that its 256 additions to memory do not matter.
pub const BLOCK: usize = BINS * 256;

/// The grid has `BINS` items for each block of `bytes`.
#[kernel(workgroup = 256)]
pub fn histogram(wg: Workgroup<1>, bytes: Slice<u8>, #[workgroup_shared] bins: Lds<[u32; BINS]>, counts: Atomics<u32>) {
    let block = bytes.chunks(BLOCK).nth(wg.group_index()).unwrap_or_default();
    let bins = bins.atomics(&wg, |_| 0);
    // Neighbouring items read neighbouring bytes, row by row. Only the last block has a rest.
    let (rows, rest) = block.as_chunks::<BINS>();
    for row in rows {
        wg.each(|item| {
            bins.at(row[item.local_x()].into()).fetch_add(&item, 1);
        });
    }
    wg.each(|item| {
        if let Some(&byte) = rest.get(item.local_x()) {
            bins.at(byte.into()).fetch_add(&item, 1);
        }
    });
    let bins = bins.finish(&wg);
    wg.each(|item| {
        counts.at(item.local_x()).fetch_add(&item, bins[item.local_x()]);
    });
}

fn run(run: &Run<'_>) -> anyhow::Result<Outcome> {
    let n = run.n;
    // Some bytes far more often than others, as in most data.
    let bytes: Vec<u8> =
        (0..n as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).map(|x| x & (x >> 3)).collect();

    let mut counts = run.device.zeroed::<u32>(BINS)?;
    histogram::launch(run.device, n.div_ceil(BLOCK) * BINS, &run.device.upload(&bytes)?, &mut counts)?;

    let mut expected = [0; BINS];
    bytes.iter().for_each(|&byte| expected[usize::from(byte)] += 1);
    Ok(Outcome { size: format!("n={n}"), max_abs_err: cli::max_abs_err(&counts.download()?, expected)? })
}

fn main() -> ExitCode {
    let example = Example {
        name: "histogram",
        about: "Counts how often each byte occurs",
        size: "Number of bytes",
        default_n: 1_000_003,
        output: None,
    };
    cli::run(example, run)
}
