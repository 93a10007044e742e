//! One start of one HSA implementation.
//!
//! `hsa_init` runs when a [`Session`] starts and `hsa_shut_down` when the last object that came out of it is dropped:
//! every agent, allocation, queue, signal and executable holds its session.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use geobacter_runtime_core::{check::CheckFailure, driver::DeviceKind};
use hsa_rt_sys::{HsaApi, hsa_queue_t};

use crate::{
    buffers::Buffers,
    error::{HsaError, call},
    info,
    memory_fault::FaultWatch,
};

/// Says more than a status, where an implementation can.
pub trait Explain: Send + Sync {
    /// Why the last HSA function that failed in this thread failed.
    fn last_error(&self) -> Option<String>;

    /// Why this queue stopped; asked once, before the queue is destroyed.
    fn queue_fault(&self, queue: *const hsa_queue_t) -> Option<StopReport>;
}

/// What an implementation knows of a queue's stop beyond the status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// All of it, in words; empty if nothing.
    pub text: String,
    /// The rule that the kernel broke, if the implementation checks for that.
    pub check: Option<CheckFailure>,
}

impl StopReport {
    /// A report.
    pub fn new(text: String, check: Option<CheckFailure>) -> Self {
        Self { text, check }
    }
}

/// Where a table of HSA functions comes from: everything in which hardware and simulator differ.
pub struct Origin {
    /// What sort of devices its GPU agents are.
    pub kind: DeviceKind,
    /// The implementation's name and version.
    pub driver: String,
    /// Explains failures; `None` where a status is all there is.
    pub explain: Option<Box<dyn Explain>>,
}

impl Origin {
    /// The HSA runtime of the system.
    pub fn system() -> Self {
        Self { kind: DeviceKind::Gpu, driver: "HSA runtime".into(), explain: None }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("kind", &self.kind).field("driver", &self.driver).finish_non_exhaustive()
    }
}

/// One moment by the runtime's clock and by the host's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    ticks: u64,
    instant: Instant,
}

/// One start of one HSA implementation; it ends when the last object that came out of it is dropped.
pub struct Session {
    api: HsaApi,
    origin: Origin,
    version: (u16, u16),
    timestamp_frequency: u64,
    fault_watch: &'static FaultWatch,
    buffers: Buffers,
}

impl Session {
    /// Starts the implementation behind this table.
    ///
    /// # Errors
    /// What `hsa_init` or the first questions say. `hsa_init` fails where there is no amdgpu kernel driver.
    pub fn start(api: HsaApi, origin: Origin) -> Result<Arc<Self>, HsaError> {
        // SAFETY: may be called at any time; the runtime counts.
        unsafe { call!(&api, hsa_init())? };
        let (fault_watch, registered) = FaultWatch::register(&api);
        // From here on the value's drop shuts the runtime down again.
        let (version, buffers) = ((0, 0), Buffers::default());
        let mut session = Self { api, origin, version, timestamp_frequency: 0, fault_watch, buffers };
        if let Err(error) = registered {
            tracing::warn!(%error, "memory faults of kernels may end the process");
        }
        session.version = (session.info(&info::SYSTEM_VERSION_MAJOR)?, session.info(&info::SYSTEM_VERSION_MINOR)?);
        session.timestamp_frequency = session.info(&info::SYSTEM_TIMESTAMP_FREQUENCY)?;
        Ok(Arc::new(session))
    }

    /// The functions.
    pub(crate) fn api(&self) -> &HsaApi {
        &self.api
    }

    /// Where the functions come from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The implementation's name and the version of HSA that it implements.
    pub fn driver(&self) -> String {
        format!("{} (HSA {}.{})", self.origin.driver, self.version.0, self.version.1)
    }

    /// A duration in the unit of HSA's time-outs.
    pub(crate) fn ticks(&self, duration: Duration) -> u64 {
        let ticks = duration.as_nanos() * u128::from(self.timestamp_frequency) / 1_000_000_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Has the runtime's clock and the host's read at once, for [`instant`](Self::instant).
    ///
    /// # Errors
    /// What the HSA runtime says.
    pub(crate) fn read_clocks(&self) -> Result<Clocks, HsaError> {
        Ok(Clocks { ticks: self.info(&info::SYSTEM_TIMESTAMP)?, instant: Instant::now() })
    }

    /// The host's time for one of the runtime's clock.
    pub(crate) fn instant(&self, clocks: Clocks, ticks: u64) -> Instant {
        let frequency = u128::from(self.timestamp_frequency.max(1));
        let distance = u128::from(ticks.abs_diff(clocks.ticks)) * 1_000_000_000 / frequency;
        let distance = Duration::from_nanos(u64::try_from(distance).unwrap_or(u64::MAX));
        let at = match ticks >= clocks.ticks {
            true => clocks.instant.checked_add(distance),
            false => clocks.instant.checked_sub(distance),
        };
        at.unwrap_or(clocks.instant)
    }

    /// What the implementation can say beyond statuses.
    pub(crate) fn explain(&self) -> Option<&dyn Explain> {
        self.origin.explain.as_deref()
    }

    /// Who hears of memory faults.
    pub(crate) fn fault_watch(&self) -> &'static FaultWatch {
        self.fault_watch
    }

    /// Where its buffers are.
    pub(crate) fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    fn info<T: bytemuck::Pod>(&self, attribute: &info::Attribute<T>) -> Result<T, HsaError> {
        attribute.read(|attribute, value| {
            // SAFETY: the address is that of a value of the attribute's type.
            unsafe { call!(&self.api, hsa_system_get_info(attribute, value)) }
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: `hsa_init` succeeded once for this value, and everything that came out of it is gone.
        if let Err(error) = unsafe { call!(&self.api, hsa_shut_down()) } {
            tracing::warn!(%error, "the HSA runtime does not shut down");
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("origin", &self.origin).field("version", &self.version).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use geobacter_runtime_core::driver::Priority;

    use super::*;
    use crate::{fake, queue::Queue, signal::Signal};

    #[test]
    fn the_runtime_is_shut_down_when_the_last_object_is_gone() {
        let (session, agent, _) = fake::start();
        let (queue, signal) = (Queue::new(&agent, 64, Priority::Normal).unwrap(), Signal::new(&session, 0).unwrap());
        drop(session);
        drop(agent);
        drop(signal);
        assert_eq!(fake::STARTED.get(), 1);
        drop(queue);
        assert_eq!(fake::STARTED.get(), 0);
    }

    #[test]
    fn a_start_that_fails_half_way_is_undone() {
        fake::FAILING.set(Some("hsa_system_get_info"));
        let origin = Origin { kind: DeviceKind::Simulator, driver: "fake".into(), explain: None };
        let error = Session::start(fake::table(), origin).unwrap_err();
        assert_eq!(error.function, "hsa_system_get_info");
        assert_eq!(fake::STARTED.get(), 0);
    }

    #[test]
    fn time_outs_are_counted_in_ticks_of_the_runtimes_clock() {
        let (session, ..) = fake::start();
        assert_eq!(session.ticks(Duration::from_millis(5)), 5_000);
        assert_eq!(session.ticks(Duration::MAX), u64::MAX);
        assert_eq!(session.driver(), "fake (HSA 1.1)");
    }
}
