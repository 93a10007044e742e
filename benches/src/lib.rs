//! Benchmarks of Geobacter: figures and ratios, each measured within one run.
//!
//! Machines are shared and noisy, so nothing here asserts. Each program prints what it measured, with the aim beside it:
//! * `host_ratio`: each example's algorithm on the host, beside the same with rayon;
//! * `launch_cost`: what a launch costs on the host, and saxpy beside a plain loop;
//! * `codegen_cost`: what the worker takes for a kernel, from its start and warm;
//! * `build_cost`: what `cargo geobacter build` takes beside `cargo build`.

use std::time::{Duration, Instant};

/// Minimum and median time of `runs` calls, after one that does not count.
pub fn measure(runs: usize, mut work: impl FnMut()) -> Timing {
    work();
    let mut times: Vec<Duration> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    Timing { minimum: times[0], median: times[times.len() / 2] }
}

/// Times of repeated calls.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The shortest.
    pub minimum: Duration,
    /// The middle one.
    pub median: Duration,
}

/// As [`measure`], of two programs that take turns, so that a slow moment of the machine meets both.
pub fn interleaved(rounds: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> [Timing; 2] {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    first();
    second();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds.max(1) {
        times[0].push(time(&mut first));
        times[1].push(time(&mut second));
    }
    times.map(|mut times| {
        times.sort_unstable();
        Timing { minimum: times[0], median: times[times.len() / 2] }
    })
}
