//! When work ran, by the host's clock.
//!
//! Events give the milliseconds between two of them, as `f32`: exact to a microsecond for some ten seconds. So the distance is
//! measured from an event that was recorded not long before, at a time that the host knows.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use geobacter_runtime_core::driver::{Priority, WorkTimes};

use crate::{
    context::Context,
    cuda_stream::CudaStream,
    error::Error,
    event::{Event, EventPool},
};

/// How long one base is good.
const FRESH: Duration = Duration::from_secs(1);

/// As exactly as the host should know when a base was recorded, and how often that is tried. Whoever waits for the event may be
/// scheduled late.
const EXACT: Duration = Duration::from_micros(40);
const TRIES: usize = 8;

/// A device's clock and the host's.
pub(crate) struct Clock {
    events: Arc<EventPool>,
    /// One in which nothing else runs.
    stream: Arc<CudaStream>,
    base: Mutex<Option<Arc<Base>>>,
}

/// One moment by both clocks.
#[derive(Debug)]
struct Base {
    event: Event,
    instant: Instant,
}

/// The begin of some work.
#[derive(Debug)]
pub(crate) struct Timer {
    base: Arc<Base>,
    start: Event,
    /// The work had not begun then.
    not_before: Instant,
}

impl Clock {
    /// # Errors
    /// What the driver says.
    pub(crate) fn new(context: &Arc<Context>) -> Result<Self, Error> {
        let stream = CudaStream::new(context, Priority::High)?;
        Ok(Self { events: EventPool::new(context, true), stream, base: Mutex::default() })
    }

    /// An event that notes the time.
    pub(crate) fn event(&self) -> Result<Event, Error> {
        self.events.take()
    }

    /// Notes the begin of what is about to be put into a stream.
    pub(crate) fn start(&self, stream: &CudaStream) -> Result<Timer, Error> {
        let base = self.base()?;
        let start = self.events.take()?;
        let not_before = Instant::now();
        start.record(stream.handle())?;
        Ok(Timer { base, start, not_before })
    }

    fn base(&self) -> Result<Arc<Base>, Error> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = base.as_ref().filter(|base| base.instant.elapsed() < FRESH) {
            return Ok(Arc::clone(base));
        }
        let mut best = self.moment()?;
        for _ in 1..TRIES {
            if best.1 <= EXACT {
                break;
            }
            let again = self.moment()?;
            if again.1 < best.1 {
                best = again;
            }
        }
        let new = Arc::new(best.0);
        *base = Some(Arc::clone(&new));
        Ok(new)
    }

    /// A moment by both clocks, and the time in which it was.
    fn moment(&self) -> Result<(Base, Duration), Error> {
        let event = self.events.take()?;
        let before = Instant::now();
        event.record(self.stream.handle())?;
        event.wait()?;
        let within = before.elapsed();
        // In the middle, for want of anything better.
        Ok((Base { event, instant: before + within / 2 }, within))
    }
}

impl Timer {
    /// When the work ran whose end this event is.
    pub(crate) fn times(&self, end: &Event) -> Option<WorkTimes> {
        let at = |event: &Event| {
            let milliseconds = event.since(&self.base.event)?.max(0.0);
            self.base.instant.checked_add(Duration::try_from_secs_f64(f64::from(milliseconds) / 1000.0).ok()?)
        };
        let (start, end) = (at(&self.start)?, at(end)?);
        // Clocks that are a little off do not have work run before it was there.
        let late = self.not_before.saturating_duration_since(start);
        Some(WorkTimes { start: start + late, end: end + late })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("stream", &self.stream).finish_non_exhaustive()
    }
}
