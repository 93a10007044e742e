//! One piece of device memory, and the work in flight that touches it.
//!
//! Work in flight is recorded where it matters: in each allocation that it reads or writes, with the range. New work
//! asks there what it must wait for (*hazards*): a reader waits for writers, a writer for readers and writers, of
//! overlapping ranges. So no one has to wait by hand, and copies of a handle, parts of a buffer and recorded graphs
//! need no lifetimes.
//!
//! What can be recorded at once is limited by Rust's borrows: two calls that are about to touch one range, one of them
//! to write, would need `&mut` and another borrow of the same buffer at the same time. Locks are therefore held for one
//! allocation at a time, and no order among them is needed.
//!
//! Graphs have no borrows, for they use buffers long after they were recorded. So they are submitted while nothing else
//! is ([`submitting`]), and whatever the host does with memory without a stream (views, copies and launches that are
//! waited for) leaves a note in the allocation as long as it lasts ([`Access::enter`]): a graph that conflicts is
//! refused.

use std::{
    fmt,
    ops::Range,
    ptr::NonNull,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    driver::{Memory, MemoryKind},
    event::Event,
    memory_pool::Block,
};

/// Memory that a handle or work in flight keeps alive. It goes back to its pool when the last of them is gone.
pub(crate) struct Allocation {
    block: Block,
    /// Bytes that were asked for.
    size: u64,
    kind: MemoryKind,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accesses: Vec<RecordedAccess>,
    /// What the host does with it at this time.
    uses: Vec<(Range<u64>, Mode)>,
}

/// Whether memory is read, or written (and perhaps read).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
}

/// What some work does with a piece of memory.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) allocation: Arc<Allocation>,
    /// In bytes.
    pub(crate) range: Range<u64>,
    pub(crate) mode: Mode,
}

#[derive(Debug)]
struct RecordedAccess {
    range: Range<u64>,
    mode: Mode,
    event: Event,
}

/// What new work has to do with earlier work.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    /// In flight: they must be done first.
    pub(crate) pending: Vec<Event>,
    /// Those among them that write what the new work touches, and those that have failed so and have not told anybody:
    /// if one of them fails, the new work has failed, too.
    pub(crate) writers: Vec<Event>,
}

impl Dependencies {
    fn add(&mut self, earlier: &RecordedAccess, is_done: bool) {
        let add = |events: &mut Vec<Event>| {
            if !events.contains(&earlier.event) {
                events.push(earlier.event.clone());
            }
        };
        if !is_done {
            add(&mut self.pending);
        }
        if earlier.mode == Mode::Write {
            add(&mut self.writers);
        }
    }
}

impl Allocation {
    pub(crate) fn new(block: Block, size: u64, kind: MemoryKind) -> Self {
        Self { block, size, kind, state: Mutex::default() }
    }

    pub(crate) fn memory(&self) -> &Arc<dyn Memory> {
        self.block.memory()
    }

    /// In bytes, as it was asked for.
    #[cfg_attr(not(feature = "allocator-api2"), expect(dead_code, reason = "collections ask"))]
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn kind(&self) -> MemoryKind {
        self.kind
    }

    pub(crate) fn host_address(&self) -> Option<NonNull<u8>> {
        self.memory().host_address()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what an access of this range must wait for.
    pub(crate) fn dependencies(&self, range: &Range<u64>, mode: Mode, dependencies: &mut Dependencies) {
        self.state().accesses.retain(|earlier| {
            let outcome = earlier.event.settle();
            let relevant = match outcome {
                None => true,
                // A failure that nobody has heard of stays, so that it is not lost.
                Some(Err(_)) => earlier.mode == Mode::Write && !earlier.event.is_reported(),
                Some(Ok(())) => false,
            };
            let conflict = mode == Mode::Write || earlier.mode == Mode::Write;
            if relevant && conflict && overlap(range, &earlier.range) {
                dependencies.add(earlier, outcome.is_some());
            }
            relevant
        });
    }

    /// Records work that has been submitted.
    pub(crate) fn record(&self, range: Range<u64>, mode: Mode, event: &Event) {
        let mut state = self.state();
        // Later work need not look at what this one waits for itself: everything that it overwrites, and earlier
        // readers of its own stream, which is in order.
        state.accesses.retain(|earlier| {
            let covered = range.start <= earlier.range.start && earlier.range.end <= range.end;
            let superseded =
                mode == Mode::Write || (earlier.mode == Mode::Read && earlier.event.stream() == event.stream());
            !(covered && superseded)
        });
        state.accesses.push(RecordedAccess { range, mode, event: event.clone() });
    }

    /// Forgets failed writers of what has been overwritten from end to end.
    pub(crate) fn overwritten(&self, range: &Range<u64>) {
        self.state().accesses.retain(|earlier| !(range.start <= earlier.range.start && earlier.range.end <= range.end));
    }
}

/// Held by what submits work, from when it looks for hazards until its own are recorded.
static SUBMITTING: RwLock<()> = RwLock::new(());

/// To be held while work is submitted whose memory is borrowed.
pub(crate) fn submitting() -> RwLockReadGuard<'static, ()> {
    SUBMITTING.read().unwrap_or_else(PoisonError::into_inner)
}

/// To be held while a graph is submitted.
pub(crate) fn submitting_a_graph() -> RwLockWriteGuard<'static, ()> {
    SUBMITTING.write().unwrap_or_else(PoisonError::into_inner)
}

/// The host uses memory as long as this lives; graphs that conflict are refused. One that is forgotten has them refused
/// for good.
#[derive(Debug)]
pub(crate) struct HostUse(Access);

impl Drop for HostUse {
    fn drop(&mut self) {
        let Access { allocation, range, mode } = &self.0;
        let mut state = allocation.state();
        if let Some(found) = state.uses.iter().position(|other| other.0 == *range && other.1 == *mode) {
            state.uses.swap_remove(found);
        }
    }
}

impl Access {
    pub(crate) fn dependencies(&self, dependencies: &mut Dependencies) {
        self.allocation.dependencies(&self.range, self.mode, dependencies);
    }

    pub(crate) fn record(&self, event: &Event) {
        self.allocation.record(self.range.clone(), self.mode, event);
    }

    /// Notes that the host is about to use the memory; work in flight is to be waited for after that.
    pub(crate) fn enter(self) -> HostUse {
        let _submitting = submitting();
        self.allocation.state().uses.push((self.range.clone(), self.mode));
        HostUse(self)
    }

    /// Whether the host uses the memory in a way that this access would disturb. Only while a graph is submitted.
    pub(crate) fn disturbs_host(&self) -> bool {
        let disturbed = |(range, mode): &(Range<u64>, Mode)| {
            (self.mode == Mode::Write || *mode == Mode::Write) && overlap(range, &self.range)
        };
        self.allocation.state().uses.iter().any(disturbed)
    }
}

impl fmt::Debug for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allocation")
            .field("address", &self.memory().address())
            .field("size", &self.size)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}
