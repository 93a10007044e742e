//! What a launch costs, on both sides.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use geobacter_beside_cuda::{
    cuda,
    workload::{
        Setup, Workload,
        cases::{self, Sizes},
    },
};
use serde::Serialize;

use crate::measure::{self, Rounds, Times, Turn};

/// Launches in a row: fewer than a stream has room for.
const BATCH: u32 = 200;
/// The same on a simulator.
const QUICK_BATCH: u32 = 5;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Launches {
    /// In words.
    pub(crate) what: String,
    /// For one launch.
    pub(crate) times: Times,
}

/// How launches are made.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Each is waited for.
    Waited,
    /// One after the other, and the last is waited for.
    InARow,
    /// One after the other: the calls alone.
    Calls,
}

/// Measures a kernel that does nothing, and one of a single work-group with two buffers.
pub(crate) fn measure(setup: &Setup<'_>, rounds: &Rounds) -> anyhow::Result<Vec<Launches>> {
    let single_group = Sizes { vector: 256, ..Sizes::QUICK };
    let batch = if rounds.quick { QUICK_BATCH } else { BATCH };
    let mut measured = Vec::new();
    for (name, kernel) in [("empty", "empty kernel"), ("saxpy", "saxpy of one work-group")] {
        for (way, how) in [
            (Way::Waited, "launched and waited for"),
            (Way::InARow, "in a row, to the end of the last"),
            (Way::Calls, "in a row, the calls alone"),
        ] {
            let mut workload = cases::of(name, setup, single_group)?;
            measure::check(&mut workload, setup.device, setup.cuda)?;
            measured.push(Launches {
                what: format!("{kernel}, {how}"),
                times: times(workload, way, setup, rounds, batch)?,
            });
        }
    }
    Ok(measured)
}

fn times(workload: Workload, way: Way, setup: &Setup<'_>, rounds: &Rounds, batch: u32) -> anyhow::Result<Times> {
    let stream = setup.device.stream()?;
    let cuda_stream = setup.cuda.map(|side| cuda::Stream::open(&side.context)).transpose()?;
    let workload = RefCell::new(workload);
    let rust_turn = || {
        let mut workload = workload.borrow_mut();
        let start = Instant::now();
        for _ in 0..batch {
            let event = workload.enqueue(&stream)?;
            if matches!(way, Way::Waited) {
                event.wait()?;
            }
        }
        let calls = start.elapsed();
        stream.wait()?;
        turn(way, calls, start, batch)
    };
    let cuda_turn = cuda_stream.as_ref().map(|stream| {
        || {
            let workload = workload.borrow();
            let start = Instant::now();
            for _ in 0..batch {
                workload.enqueue_cuda(stream)?;
                if matches!(way, Way::Waited) {
                    stream.wait()?;
                }
            }
            let calls = start.elapsed();
            stream.wait()?;
            turn(way, calls, start, batch)
        }
    });
    measure::interleave(rounds, batch, rust_turn, cuda_turn)
}

/// What counts of a turn, for one launch.
fn turn(way: Way, calls: Duration, start: Instant, batch: u32) -> anyhow::Result<Turn> {
    let time = if matches!(way, Way::Calls) { calls } else { start.elapsed() };
    Ok(Turn { host: time.as_secs_f64() / f64::from(batch), device: None })
}
