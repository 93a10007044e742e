//! Times of both sides, taken in turns.

use std::time::{Duration, Instant};

use geobacter::{Device, Event, Stream};
use geobacter_beside_cuda::{
    cuda::{self, Mark},
    workload::{CudaSide, Workload},
};
use serde::Serialize;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    /// Rounds in which both sides take turns.
    pub(crate) number: usize,
    /// Whether one launch for each turn is enough.
    pub(crate) quick: bool,
}

/// The least time of a turn: long beside the wait at its end.
const TURN: Duration = Duration::from_millis(30);
/// The most launches of a turn.
const MOST: u32 = 200;

impl Rounds {
    /// Launches of a turn, if one takes this long.
    pub(crate) fn launches(&self, one: Duration) -> u32 {
        if self.quick {
            return 1;
        }
        let launches = TURN.as_nanos().div_ceil(one.as_nanos().max(1));
        u32::try_from(launches).unwrap_or(MOST).clamp(1, MOST)
    }
}

/// Times of rounds, in seconds for each launch.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Spread {
    /// The shortest.
    pub(crate) minimum: f64,
    /// A quarter is shorter.
    pub(crate) lower: f64,
    /// The middle one.
    pub(crate) median: f64,
    /// A quarter is longer.
    pub(crate) upper: f64,
}

impl Spread {
    /// Of at least one number.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let at = |part: usize| numbers.get(((numbers.len().saturating_sub(1)) * part + 2) / 4).copied();
        Some(Self { minimum: at(0)?, lower: at(1)?, median: at(2)?, upper: at(3)? })
    }
}

/// The times of both sides.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Times {
    /// Launches of a turn.
    pub(crate) launches: u32,
    /// Geobacter's, by the host's clock.
    pub(crate) rust: Spread,
    /// Those of CUDA C++, by the host's clock.
    pub(crate) cuda: Option<Spread>,
    /// How fast Geobacter's side was beside the other: the rounds' quotients of CUDA's time and Geobacter's.
    pub(crate) ratio: Option<Spread>,
    /// Geobacter's, by the device's clock, where it writes time stamps (`GEOBACTER_PROFILE=1`).
    pub(crate) rust_by_device: Option<Spread>,
    /// Those of CUDA C++, by the device's clock.
    pub(crate) cuda_by_device: Option<Spread>,
}

/// A turn's time for each launch, by the host's clock and by the device's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) host: f64,
    pub(crate) device: Option<f64>,
}

/// Takes turns, one side first and then the other; from round to round in another order.
pub(crate) fn interleave(
    rounds: &Rounds,
    launches: u32,
    mut rust: impl FnMut() -> anyhow::Result<Turn>,
    mut cuda: Option<impl FnMut() -> anyhow::Result<Turn>>,
) -> anyhow::Result<Times> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds.number {
        let rust_first = round % 2 == 0;
        if rust_first {
            ours.push(rust()?);
        }
        if let Some(cuda) = &mut cuda {
            theirs.push(cuda()?);
        }
        if !rust_first {
            ours.push(rust()?);
        }
    }
    let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs.host / ours.host);
    let by_device = |turns: &[Turn]| Spread::of(turns.iter().filter_map(|turn| turn.device));
    let missing = || anyhow::anyhow!("no round was measured");
    Ok(Times {
        launches,
        rust: Spread::of(ours.iter().map(|turn| turn.host)).ok_or_else(missing)?,
        cuda: Spread::of(theirs.iter().map(|turn| turn.host)),
        ratio: Spread::of(ratios),
        rust_by_device: by_device(&ours),
        cuda_by_device: by_device(&theirs),
    })
}

/// One turn of Geobacter's kernel.
fn rust_turn(workload: &mut Workload, stream: &Stream, launches: u32) -> anyhow::Result<Turn> {
    let start = Instant::now();
    let mut events: [Option<Event>; 2] = [None, None];
    for _ in 0..launches {
        let event = workload.enqueue(stream)?;
        events[0].get_or_insert_with(|| event.clone());
        events[1] = Some(event);
    }
    stream.wait()?;
    let host = start.elapsed().as_secs_f64() / f64::from(launches);
    let [first, last] = events.map(|event| event.and_then(|event| event.profile()));
    let device = first
        .zip(last)
        .map(|(first, last)| last.end.saturating_duration_since(first.start).as_secs_f64() / f64::from(launches));
    Ok(Turn { host, device })
}

/// The stream and the marks of CUDA's turns.
struct CudaTurns {
    stream: cuda::Stream,
    marks: [Mark; 2],
}

impl CudaTurns {
    fn new(side: &CudaSide) -> anyhow::Result<Self> {
        let stream = cuda::Stream::open(&side.context)?;
        Ok(Self { stream, marks: [Mark::new(&side.context)?, Mark::new(&side.context)?] })
    }

    /// One turn of what is enqueued.
    fn turn(&self, launches: u32, enqueue: impl Fn(&cuda::Stream) -> anyhow::Result<()>) -> anyhow::Result<Turn> {
        let start = Instant::now();
        let [first, last] = &self.marks;
        first.set(&self.stream)?;
        for _ in 0..launches {
            enqueue(&self.stream)?;
        }
        last.set(&self.stream)?;
        self.stream.wait()?;
        let host = start.elapsed().as_secs_f64() / f64::from(launches);
        Ok(Turn { host, device: Some(last.since(first)?.as_secs_f64() / f64::from(launches)) })
    }
}

/// Launches each side once and compares what they wrote: the largest relative error.
pub(crate) fn check(workload: &mut Workload, device: &Device, cuda: Option<&CudaSide>) -> anyhow::Result<Option<f64>> {
    rust_turn(workload, &device.stream()?, 1)?;
    if let Some(side) = cuda {
        CudaTurns::new(side)?.turn(1, |stream| workload.enqueue_cuda(stream))?;
    }
    workload.difference()
}

/// The times of a workload, both sides of which have run before.
pub(crate) fn times(
    workload: &mut Workload,
    device: &Device,
    cuda: Option<&CudaSide>,
    rounds: &Rounds,
) -> anyhow::Result<Times> {
    let stream = device.stream()?;
    let once = rust_turn(workload, &stream, 1)?;
    let launches = rounds.launches(Duration::from_secs_f64(once.host));
    let turns = cuda.map(CudaTurns::new).transpose()?;
    let workload = std::cell::RefCell::new(workload);
    let cuda_turn =
        turns.as_ref().map(|turns| || turns.turn(launches, |stream| workload.borrow().enqueue_cuda(stream)));
    interleave(rounds, launches, || rust_turn(&mut workload.borrow_mut(), &stream, launches), cuda_turn)
}

/// The time of one thing that CUDA's side does, by the device's clock.
pub(crate) fn cuda_alone(
    side: &CudaSide,
    rounds: &Rounds,
    enqueue: impl Fn(&cuda::Stream) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let turns = CudaTurns::new(side)?;
    let once = turns.turn(1, &enqueue)?;
    let launches = rounds.launches(Duration::from_secs_f64(once.host));
    let times: Vec<_> = (0..rounds.number).map(|_| turns.turn(launches, &enqueue)).collect::<anyhow::Result<_>>()?;
    let times = times.iter().map(|turn| turn.device.unwrap_or(turn.host));
    Spread::of(times).map(|spread| spread.median).ok_or_else(|| anyhow::anyhow!("no round was measured"))
}
