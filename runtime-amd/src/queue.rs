//! A user-mode queue: a ring of AQL packets that any thread may fill.
//!
//! ```text
//!            read index            write index
//!                v                      v
//!   ... done | in flight, in flight | free ...            free slots = size - (write - read)
//! ```
//! A producer reserves a slot by compare-and-swap on the write index, and only when the slot is free: the index never
//! runs ahead of what fits, so the ring has no hole. A full ring makes the producer wait. The body of the packet is
//! written first, then the header, with release order; then the doorbell rings.
//!
//! A queue stops when the device reports an error, when a kernel touches memory that it must not, or when a launch
//! takes too long:
//! ```text
//!   open --error callback / memory fault event / time-out--> stopped --every waiter: close()--> destroyed
//! ```
//! A stop wakes every waiter, and each of them closes the queue before it reports: once a launch has returned, no
//! kernel of it still runs, so its memory may be freed. A stopped queue stays stopped; the next launch gets another
//! one.

use std::{
    collections::VecDeque,
    ffi::c_void,
    fmt,
    ptr::{self, NonNull},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use geobacter_runtime_core::driver::Priority;
use hsa_rt_sys::{self as hsa, HsaApi, hsa_agent_t, hsa_queue_t, hsa_status_t};

use crate::{
    agent::Agent,
    error::{HsaError, call, status_text},
    memory_fault::{FaultWatch, GRACE},
    packet::Words,
    session::{Session, StopReport},
    signal::{Fate, WorkSignal},
};

/// How long a waiter sleeps at most before it looks whether the queue has stopped. A stop wakes it anyway; this bounds
/// the harm if it does not.
const SLICE: Duration = Duration::from_millis(50);

/// How long a waiter spins for the end of a short kernel before it sleeps.
const SPIN: Duration = Duration::from_micros(20);

/// Why a queue stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueFault {
    /// The device reported an error.
    #[error("the device reports: {text} (HSA status {status:#x})")]
    Status {
        /// The HSA status.
        status: hsa_status_t,
        /// What it means.
        text: String,
    },
    /// A kernel touched memory that it must not.
    #[error("memory fault at address {address:#x} ({})", reasons_text(*reasons))]
    Memory {
        /// The address, as exactly as the device knows it.
        address: u64,
        /// HSA's bits for the reasons (`HSA_AMD_MEMORY_FAULT_*`).
        reasons: u32,
    },
    /// The launch took too long.
    #[error(
        "it has run for {} s, the limit for one launch (GEOBACTER_LAUNCH_TIMEOUT, in seconds; 0 for none)",
        .0.as_secs_f32()
    )]
    Timeout(Duration),
}

fn reasons_text(reasons: u32) -> String {
    let known = [
        (hsa::HSA_AMD_MEMORY_FAULT_PAGE_NOT_PRESENT as u32, "page not present"),
        (hsa::HSA_AMD_MEMORY_FAULT_READ_ONLY as u32, "write to read-only memory"),
        (hsa::HSA_AMD_MEMORY_FAULT_NX as u32, "execution of data"),
        (hsa::HSA_AMD_MEMORY_FAULT_HOST_ONLY as u32, "memory of the host only"),
        (hsa::HSA_AMD_MEMORY_FAULT_DRAMECC as u32, "ECC error in device memory"),
        (hsa::HSA_AMD_MEMORY_FAULT_IMPRECISE as u32, "address not exact"),
        (hsa::HSA_AMD_MEMORY_FAULT_SRAMECC as u32, "ECC error in a cache"),
        (hsa::HSA_AMD_MEMORY_FAULT_HANG as u32, "the device was reset"),
    ];
    let texts: Vec<_> = known.iter().filter(|(bit, _)| reasons & bit != 0).map(|(_, text)| *text).collect();
    if texts.is_empty() { "no reason given".to_owned() } else { texts.join(", ") }
}

/// The part of a queue that the runtime's callbacks see.
pub(crate) struct QueueState {
    api: HsaApi,
    agent: hsa_agent_t,
    fault_watch: &'static FaultWatch,
    fault: OnceLock<QueueFault>,
    /// A memory fault of the agent that may be this queue's, and when it came.
    suspicion: Mutex<Option<(Instant, QueueFault)>>,
    /// The completion signals of what is in flight, and of some that has ended, in order.
    in_flight: Mutex<VecDeque<Arc<WorkSignal>>>,
}

impl QueueState {
    /// Stops the queue: the first reason counts. Ends what is in flight, and so wakes every waiter.
    pub(crate) fn stop(&self, fault: QueueFault) {
        let _ = self.fault.set(fault);
        let mut fate = Fate::Stopped;
        for signal in self.in_flight().iter() {
            if signal.stop(fate) {
                // One after the other: only the first has begun.
                fate = Fate::Abandoned;
            }
        }
    }

    fn in_flight(&self) -> MutexGuard<'_, VecDeque<Arc<WorkSignal>>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How work of a signal that is done ended. If its queue was stopped, this waits until the stop has been through
    /// all signals.
    fn fate(&self, signal: &WorkSignal) -> Fate {
        if self.fault().is_some() {
            drop(self.in_flight());
        }
        signal.fate()
    }

    /// Why the queue stopped; `None` if it has not.
    pub(crate) fn fault(&self) -> Option<&QueueFault> {
        self.fault.get()
    }

    /// A kernel of this queue may be at fault.
    pub(crate) fn suspect(&self, fault: QueueFault) {
        self.suspicion().get_or_insert((Instant::now(), fault));
    }

    /// No kernel of this queue was at fault.
    pub(crate) fn clear(&self) {
        *self.suspicion() = None;
    }

    /// Stops the queue if it has been under suspicion for too long.
    fn judge(&self) {
        let overdue = self.suspicion().take_if(|(since, _)| since.elapsed() >= GRACE);
        if let Some((_, fault)) = overdue {
            self.stop(fault);
        }
    }

    fn suspicion(&self) -> MutexGuard<'_, Option<(Instant, QueueFault)>> {
        self.suspicion.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error callback of a queue.
unsafe extern "C" fn on_queue_error(status: hsa_status_t, _queue: *mut hsa_queue_t, data: *mut c_void) {
    // SAFETY: the data is that of `hsa_queue_create`, a queue state that is freed only after the queue is destroyed,
    // and never if the queue has stopped.
    let state = unsafe { &*data.cast::<QueueState>() };
    let mut fault = QueueFault::Status { status, text: status_text(&state.api, status) };
    if status == hsa::HSA_STATUS_ERROR_MEMORY_FAULT {
        // The event before it knows the address.
        if let Some((_, known)) = state.suspicion().take() {
            fault = known;
        }
        state.fault_watch.confessed(state.agent);
    }
    state.stop(fault);
}

/// A queue of one GPU.
pub(crate) struct Queue {
    session: Arc<Session>,
    state: Arc<QueueState>,
    /// `None` once it is destroyed. Producers hold it for reading.
    ring: RwLock<Option<Ring>>,
    /// What the implementation says about the stop beyond its status.
    report: OnceLock<StopReport>,
}

struct Ring {
    queue: NonNull<hsa_queue_t>,
    packets: NonNull<Words>,
    size: u64,
    doorbell: hsa::hsa_signal_t,
}

// SAFETY: HSA's queue functions may be called from any thread; slots are written only by the thread that reserved them.
unsafe impl Send for Ring {}
// SAFETY: as above.
unsafe impl Sync for Ring {}

impl Queue {
    /// Creates a queue with room for `size` packets, a power of two within the agent's limits.
    ///
    /// # Errors
    /// What the HSA runtime says.
    pub(crate) fn new(agent: &Agent, size: u32, priority: Priority) -> Result<Self, HsaError> {
        let session = agent.session().clone();
        let api = *session.api();
        let state = Arc::new(QueueState {
            api,
            agent: agent.handle(),
            fault_watch: session.fault_watch(),
            fault: OnceLock::new(),
            suspicion: Mutex::new(None),
            in_flight: Mutex::default(),
        });
        let data = Arc::into_raw(state.clone());
        let mut queue = ptr::null_mut();
        // SAFETY: the callback has the type that the function asks for; its data stays alive, see `close`. `u32::MAX`
        // means that the sizes of later packets are not known.
        let created = unsafe {
            call!(
                &api,
                hsa_queue_create(
                    agent.handle(),
                    size,
                    hsa::HSA_QUEUE_TYPE_MULTI,
                    Some(on_queue_error),
                    data.cast_mut().cast(),
                    u32::MAX,
                    u32::MAX,
                    &mut queue,
                )
            )
        };
        let queue = created.and_then(|()| {
            NonNull::new(queue).ok_or_else(|| HsaError {
                function: "hsa_queue_create",
                status: hsa::HSA_STATUS_ERROR,
                text: "it succeeded and gave no queue".into(),
            })
        });
        let queue = match queue {
            Ok(queue) => queue,
            Err(error) => {
                // SAFETY: made by `into_raw` above, and no queue has it.
                unsafe { drop(Arc::from_raw(data)) };
                return Err(error);
            }
        };
        // SAFETY: the runtime made the queue and keeps these fields constant until it is destroyed.
        let ring = unsafe {
            let fields = queue.as_ref();
            Ring {
                queue,
                packets: NonNull::new_unchecked(fields.base_address.cast()),
                size: u64::from(fields.size),
                doorbell: fields.doorbell_signal,
            }
        };
        session.fault_watch().add(agent.handle(), &state);
        let preference = match priority {
            Priority::Low => hsa::HSA_AMD_QUEUE_PRIORITY_LOW,
            Priority::High => hsa::HSA_AMD_QUEUE_PRIORITY_HIGH,
            _ => hsa::HSA_AMD_QUEUE_PRIORITY_NORMAL,
        };
        if priority != Priority::Normal {
            // SAFETY: the queue was created above.
            if let Err(error) = unsafe { call!(&api, hsa_amd_queue_set_priority(queue.as_ptr(), preference)) } {
                tracing::debug!(%error, "the queue has no priority");
            }
        }
        Ok(Self { session, state, ring: RwLock::new(Some(ring)), report: OnceLock::new() })
    }

    /// Has the device write down when each packet's work began and ended.
    ///
    /// # Errors
    /// What the HSA runtime says.
    pub(crate) fn write_times(&self) -> Result<(), HsaError> {
        let Some(queue) = self.address() else { return Ok(()) };
        // SAFETY: the queue lives: it is destroyed only by `close`, and nobody has it yet to close it.
        unsafe { call!(&self.state.api, hsa_amd_profiling_set_profiler_enabled(queue.as_ptr(), 1)) }
    }

    /// Why the queue stopped; `None` if it has not.
    pub(crate) fn fault(&self) -> Option<QueueFault> {
        self.state.fault().cloned()
    }

    /// Whether a memory fault has come that may be this queue's.
    pub(crate) fn is_suspected(&self) -> bool {
        self.state.suspicion().is_some()
    }

    /// Address of the queue, for the kernels that ask for it; `None` once it is destroyed.
    pub(crate) fn address(&self) -> Option<NonNull<hsa_queue_t>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|ring| ring.queue)
    }

    /// Writes packets into the ring, one after the other and others' perhaps between, waiting for free slots, and rings
    /// the doorbell. The last of them counts `completion` down, from 1.
    ///
    /// # Safety
    /// Everything that the packets name must be valid until the completion, or until [`Queue::close`] has returned.
    ///
    /// # Errors
    /// Why the queue has stopped. The packets will not run then, or not to their end. A ring that stays full for as
    /// long as one launch may take stops the queue.
    pub(crate) unsafe fn submit(
        &self,
        packets: &[Words],
        completion: &Arc<WorkSignal>,
        limit: Option<Duration>,
    ) -> Result<(), QueueFault> {
        {
            let mut in_flight = self.state.in_flight();
            while in_flight.front().is_some_and(|signal| signal.is_done()) {
                in_flight.pop_front();
            }
            in_flight.push_back(Arc::clone(completion));
        }
        let mut left = packets;
        let mut stall = Stall::new(limit);
        let mut tries = 0_u32;
        loop {
            {
                let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
                // After the signal is listed: a stop either finds it there, or is found here.
                if let Some(fault) = self.state.fault() {
                    return Err(fault.clone());
                }
                let Some(ring) = &*ring else {
                    let status = hsa::HSA_STATUS_ERROR_INVALID_QUEUE;
                    return Err(QueueFault::Status { status, text: "the queue is destroyed".into() });
                };
                let mut last = None;
                while let Some((packet, behind)) = left.split_first()
                    && let Some(index) = ring.reserve(&self.state.api)
                {
                    ring.write(index, packet);
                    (left, last) = (behind, Some(index));
                }
                if let Some(index) = last {
                    // SAFETY: the doorbell lives as long as the queue, which the read lock keeps.
                    unsafe { (self.state.api.hsa_signal_store_screlease)(ring.doorbell, index as i64) };
                }
                if left.is_empty() {
                    return Ok(());
                }
                stall.look(ring.read_index(&self.state.api));
            }
            self.state.judge();
            if let Some(fault) = stall.passed() {
                self.state.stop(fault);
            }
            // The lock is free here, so that a stopped queue can be closed.
            tries += 1;
            if tries < 64 { thread::yield_now() } else { thread::sleep(Duration::from_micros(100)) }
        }
    }

    /// Waits until work of this queue has ended, in whatever way, and says which. If the queue makes no progress for as
    /// long as one launch may take, this is what stops it.
    pub(crate) fn wait(&self, signal: &WorkSignal, limit: Option<Duration>) -> Fate {
        let mut value = signal.signal().wait_below(1, SPIN, true);
        let mut stall = Stall::new(limit);
        while value >= 1 {
            self.state.judge();
            if let Some(ring) = &*self.ring.read().unwrap_or_else(PoisonError::into_inner) {
                stall.look(ring.read_index(&self.state.api));
            }
            if let Some(fault) = stall.passed() {
                self.state.stop(fault);
            }
            value = signal.signal().wait_below(1, SLICE.min(stall.left()), false);
        }
        self.fate(signal)
    }

    /// Stops the queue, for the signal of its work has this value, which says that the device has failed.
    pub(crate) fn stop_for_signal(&self, value: i64) {
        self.state.stop(QueueFault::Status {
            status: hsa::HSA_STATUS_ERROR_EXCEPTION,
            text: format!("the completion signal is {value}"),
        });
    }

    /// How work of this queue ended whose signal is done.
    pub(crate) fn fate(&self, signal: &WorkSignal) -> Fate {
        self.state.fate(signal)
    }

    /// Destroys a stopped queue and ends every kernel of it. Returns when that is done, by whomever. Gives what the
    /// implementation says about the stop beyond its status; empty if nothing.
    pub(crate) fn close(&self) -> &StopReport {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = ring.take() {
            let explain = self.session.explain();
            let report = explain.and_then(|explain| explain.queue_fault(ring.queue.as_ptr()));
            let _ = self.report.set(report.unwrap_or_default());
            // SAFETY: created by `hsa_queue_create`, destroyed once; the write lock keeps producers out.
            if let Err(error) = unsafe { call!(&self.state.api, hsa_queue_destroy(ring.queue.as_ptr())) } {
                tracing::warn!(%error, "a queue cannot be destroyed");
            }
            self.state.in_flight().clear();
            if self.state.fault().is_none() {
                // SAFETY: this count was given to the callback by `into_raw`, and without a queue nothing calls back.
                // Of a stopped queue it is kept for good: the callback may still be returning.
                unsafe { Arc::decrement_strong_count(Arc::as_ptr(&self.state)) };
            }
        }
        self.report.get_or_init(StopReport::default)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("address", &self.address()).field("fault", &self.fault()).finish_non_exhaustive()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}

impl Ring {
    /// Packets that the device has taken out.
    fn read_index(&self, api: &HsaApi) -> u64 {
        // SAFETY: the queue lives as long as the value.
        unsafe { (api.hsa_queue_load_read_index_scacquire)(self.queue.as_ptr()) }
    }

    /// Takes the next slot if it is free.
    fn reserve(&self, api: &HsaApi) -> Option<u64> {
        loop {
            // SAFETY: the queue lives as long as the value, for all three functions.
            let (write, read) = unsafe {
                let write = (api.hsa_queue_load_write_index_relaxed)(self.queue.as_ptr());
                (write, (api.hsa_queue_load_read_index_scacquire)(self.queue.as_ptr()))
            };
            // Loaded second, the read index may already have passed a write index that others moved on.
            match write.checked_sub(read) {
                None => continue,
                Some(in_flight) if in_flight >= self.size => return None,
                Some(_) => {}
            }
            // SAFETY: as above.
            let seen = unsafe {
                (api.hsa_queue_cas_write_index_scacq_screl)(self.queue.as_ptr(), write, write.wrapping_add(1))
            };
            if seen == write {
                return Some(write);
            }
        }
    }

    /// Writes a packet into a slot that `reserve` gave.
    fn write(&self, index: u64, words: &Words) {
        let slot = (index % self.size) as usize;
        // SAFETY: the ring has `size` slots of 64 bytes, aligned to 64; this one is ours alone until its header is
        // valid, which the atomic store makes it, after the body.
        unsafe {
            let packet = self.packets.add(slot).cast::<u32>();
            ptr::copy_nonoverlapping(words[1..].as_ptr(), packet.add(1).as_ptr(), words.len() - 1);
            AtomicU32::from_ptr(packet.as_ptr()).store(words[0], Ordering::Release);
        }
    }
}

/// When a queue has made no progress for too long. The packet at its head is one that runs, or waits for another queue,
/// which its waiters wait for first.
#[derive(Clone, Copy, Debug)]
struct Stall {
    since: Instant,
    read_index: Option<u64>,
    limit: Option<Duration>,
}

impl Stall {
    /// From now on at most `limit`; `None` for as long as it takes.
    fn new(limit: Option<Duration>) -> Self {
        Self { since: Instant::now(), read_index: None, limit }
    }

    /// So many packets have been taken out.
    fn look(&mut self, read_index: u64) {
        if self.read_index.replace(read_index).is_some_and(|before| before != read_index) {
            self.since = Instant::now();
        }
    }

    fn left(&self) -> Duration {
        self.limit.map_or(Duration::MAX, |limit| limit.saturating_sub(self.since.elapsed()))
    }

    fn passed(&self) -> Option<QueueFault> {
        self.limit.filter(|limit| self.since.elapsed() >= *limit).map(QueueFault::Timeout)
    }
}

#[cfg(test)]
mod tests;
