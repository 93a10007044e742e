//! Ends kernels that make no progress.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::fault::{FaultKind, Trap};

/// Watches one dispatch.
#[derive(Debug)]
pub struct Watchdog {
    started: Instant,
    limit: Option<Duration>,
    /// Nanoseconds after the start when a work-group last began or ended.
    progress: AtomicU64,
    cancelled: AtomicBool,
    /// Set from outside to end the dispatch.
    stop: Arc<AtomicBool>,
}

impl Watchdog {
    /// A watchdog that allows this long from one begin or end of a work-group to the next (`None` is for ever), and no time
    /// once `stop` is set.
    pub fn new(limit: Option<Duration>, stop: Arc<AtomicBool>) -> Self {
        let (started, progress) = (Instant::now(), AtomicU64::new(0));
        Self { started, limit, progress, cancelled: AtomicBool::new(false), stop }
    }

    /// When the dispatch began.
    pub fn started(&self) -> Instant {
        self.started
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Notes that a work-group begins or has ended. What begins may have waited for a thread, behind dispatches of other
    /// queues: that time is not the kernel's.
    pub fn progress(&self) {
        self.progress.fetch_max(self.now(), Ordering::Relaxed);
    }

    /// Ends all work-groups of the dispatch at their next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Checks the time.
    ///
    /// # Errors
    /// If there was no progress for too long, or the dispatch was cancelled or stopped.
    pub fn check(&self) -> Result<(), Box<Trap>> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Trap::new(FaultKind::Watchdog, "another work-group of the dispatch faulted"));
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(Trap::new(FaultKind::Watchdog, "the queue was destroyed or inactivated"));
        }
        let Some(limit) = self.limit else { return Ok(()) };
        let silent = Duration::from_nanos(self.now().saturating_sub(self.progress.load(Ordering::Relaxed)));
        if silent <= limit {
            return Ok(());
        }
        let seconds = limit.as_secs_f64();
        let detail =
            format!("no work-group began or ended for {seconds} s; AMDGPU_SIM_WATCHDOG sets another limit (0: none)");
        Err(Trap::new(FaultKind::Watchdog, detail))
    }
}
