//! Signals: 64-bit values that threads, handlers and copies wait for.
//!
//! A handle is the address of an `amd_signal_t`, as on hardware, so that debuggers find the value where they expect it.
//! It is the beginning of a slot of an [`Arena`]: a handle that is not a live signal's is refused, and costs no look
//! into a table. A signal that is destroyed wakes who waits for it.
//!
//! ```text
//!   who changes the value                    who waits
//!   ---------------------                    ---------
//!   value := v                               watchers += 1
//!   watchers > 0? -> tell: wake, look        look at the value; sleep, or leave a watch, unless it is as wished
//! ```
//! Both sides do their two steps in this order, with sequential consistency: so at least one of them sees the other,
//! and a value that nobody waits for is changed at the price of a store and a load.
//!
//! Kernels change values, too: signals are memory of theirs. They tell as on hardware. A signal says where its mailbox is
//! and which number of an interrupt is its own; the kernel writes the number there, and sends it ([`interrupt`]). The
//! numbers are those of the places to sleep at.

use std::{
    hint::spin_loop,
    mem::offset_of,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hsa_rt_sys::*;

use super::{
    arena::{Arena, Slot},
    state::lock,
    watch,
};

/// Most signals that are alive at once.
const SIGNALS: usize = 1 << 19;
/// Places to sleep at.
const LOTS: usize = 64;

static ARENA: Arena<Signal> = Arena::new(SIGNALS);
static SLEEPERS: [(Mutex<()>, Condvar); LOTS] = [const { (Mutex::new(()), Condvar::new()) }; LOTS];

/// A signal, alive or not.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Signal {
    // `amd_signal_t`.
    kind: AtomicI64,
    value: AtomicI64,
    event_mailbox: AtomicU64,
    event_id: AtomicU32,
    reserved1: AtomicU32,
    start: AtomicU64,
    end: AtomicU64,
    queue: AtomicU64,
    reserved3: [AtomicU32; 2],
    // What the simulator needs beside it.
    /// Odd while it is alive. No two signals of a slot have the same.
    generation: AtomicU64,
    /// Where kernels that have changed the value leave the number of the interrupt that they send then.
    mailbox: AtomicU64,
    /// The highest value that a doorbell ever had: several producers ring it in any order.
    highest: AtomicI64,
    /// Threads that sleep until it changes, and watches.
    watchers: AtomicU32,
    /// Watches alone.
    watches: AtomicU32,
    /// Whether it is a queue's.
    doorbell: AtomicBool,
    /// Whether the times in it are a copy's.
    copied: AtomicBool,
}

// SAFETY: made of atomic integers and booleans, for which zero is a value.
unsafe impl Slot for Signal {}

const _: () = {
    assert!(offset_of!(Signal, kind) == offset_of!(amd_signal_t, kind));
    assert!(offset_of!(Signal, value) == offset_of!(amd_signal_t, __bindgen_anon_1));
    assert!(offset_of!(Signal, event_mailbox) == offset_of!(amd_signal_t, event_mailbox_ptr));
    assert!(offset_of!(Signal, start) == offset_of!(amd_signal_t, start_ts));
    assert!(offset_of!(Signal, end) == offset_of!(amd_signal_t, end_ts));
    assert!(offset_of!(Signal, queue) == offset_of!(amd_signal_t, __bindgen_anon_2));
    assert!(offset_of!(Signal, generation) == size_of::<amd_signal_t>());
};

/// A signal that was alive once: what is kept of one while others may destroy it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its slot.
    pub signal: &'static Signal,
    /// Its generation.
    pub generation: u64,
}

impl Known {
    /// Its value; `None` if it was destroyed.
    pub fn value(&self) -> Option<i64> {
        // In this order: a value that was read before the signal was still alive is its own.
        let value = self.signal.load();
        self.is_live().then_some(value)
    }

    /// Whether it was not destroyed.
    pub fn is_live(&self) -> bool {
        self.signal.generation.load(Ordering::SeqCst) == self.generation
    }
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    kind: hsa_signal_condition_t,
    compare: i64,
}

impl Condition {
    /// A condition of the specification; `None` if it has no such one.
    pub fn new(kind: hsa_signal_condition_t, compare: i64) -> Option<Self> {
        let known =
            [HSA_SIGNAL_CONDITION_EQ, HSA_SIGNAL_CONDITION_NE, HSA_SIGNAL_CONDITION_LT, HSA_SIGNAL_CONDITION_GTE];
        known.contains(&kind).then_some(Self { kind, compare })
    }

    /// That a dependency is met, or has failed.
    pub const SETTLED: Self = Self { kind: HSA_SIGNAL_CONDITION_LT, compare: 1 };

    /// Whether a value is as asked for.
    pub fn holds(self, value: i64) -> bool {
        match self.kind {
            HSA_SIGNAL_CONDITION_EQ => value == self.compare,
            HSA_SIGNAL_CONDITION_NE => value != self.compare,
            HSA_SIGNAL_CONDITION_LT => value < self.compare,
            _ => value >= self.compare,
        }
    }
}

/// A kernel has sent an interrupt: the value of a signal with this number has changed. Has everybody look again who
/// waits for one of those.
pub fn interrupt(number: u32) {
    let lot = number as usize % LOTS;
    let (mutex, condition) = &SLEEPERS[lot];
    // Taking the lock makes sure that no sleeper is between its look and its sleep.
    drop(lock(mutex));
    condition.notify_all();
    for signal in watch::watched().into_iter().filter(|signal| signal.lot() == lot) {
        watch::look(signal);
    }
}

impl Signal {
    /// Makes a signal. `None` if there are too many.
    pub fn create(value: i64) -> Option<&'static Self> {
        Self::make(value, false)
    }

    /// Makes a queue's doorbell. `None` if there are too many signals.
    pub fn create_doorbell() -> Option<&'static Self> {
        Self::make(-1, true)
    }

    fn make(value: i64, doorbell: bool) -> Option<&'static Self> {
        let signal = ARENA.take()?;
        signal.kind.store(AMD_SIGNAL_KIND_USER.into(), Ordering::Relaxed);
        signal.event_mailbox.store(signal.mailbox.as_ptr() as u64, Ordering::Relaxed);
        signal.event_id.store(signal.lot() as u32, Ordering::Relaxed);
        signal.start.store(0, Ordering::Relaxed);
        signal.end.store(0, Ordering::Relaxed);
        signal.highest.store(value, Ordering::Relaxed);
        signal.doorbell.store(doorbell, Ordering::Relaxed);
        signal.copied.store(false, Ordering::Relaxed);
        signal.value.store(value, Ordering::SeqCst);
        signal.generation.fetch_add(1, Ordering::SeqCst);
        Some(signal)
    }

    /// The live signal of a handle.
    #[inline]
    pub fn find(handle: hsa_signal_t) -> Option<&'static Self> {
        ARENA.find(handle.handle).filter(|signal| signal.generation.load(Ordering::Acquire) % 2 == 1)
    }

    /// The live signal of a handle, to be kept.
    pub fn know(handle: hsa_signal_t) -> Option<Known> {
        let signal = ARENA.find(handle.handle)?;
        let generation = signal.generation.load(Ordering::SeqCst);
        (generation % 2 == 1).then_some(Known { signal, generation })
    }

    /// Takes it back, and wakes who waits. False if it was not alive.
    pub fn destroy(&'static self) -> bool {
        let generation = self.generation.load(Ordering::SeqCst);
        let ours = generation % 2 == 1
            && self.generation.compare_exchange(generation, generation + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if ours {
            self.kind.store(AMD_SIGNAL_KIND_INVALID.into(), Ordering::Relaxed);
            self.changed();
            ARENA.give_back(self);
        }
        ours
    }

    /// Its handle.
    pub fn handle(&self) -> hsa_signal_t {
        hsa_signal_t { handle: std::ptr::from_ref(self) as u64 }
    }

    /// Whether it is a queue's doorbell.
    pub fn is_doorbell(&self) -> bool {
        self.doorbell.load(Ordering::Relaxed)
    }

    /// Its value.
    #[inline]
    pub fn load(&self) -> i64 {
        self.value.load(Ordering::SeqCst)
    }

    /// Its value, with no order beside other memory.
    #[inline]
    pub fn load_relaxed(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }

    /// Sets its value.
    #[inline]
    pub fn store(&'static self, value: i64) {
        self.store_silently(value);
        self.changed();
    }

    /// Sets its value and tells nobody.
    #[inline]
    pub fn store_silently(&self, value: i64) {
        self.value.store(value, Ordering::SeqCst);
        if self.doorbell.load(Ordering::Relaxed) {
            self.highest.fetch_max(value, Ordering::SeqCst);
        }
    }

    /// Changes its value by one atomic operation, which gives what was there before.
    pub fn update(&'static self, operation: impl FnOnce(&AtomicI64) -> i64) -> i64 {
        let before = operation(&self.value);
        if self.doorbell.load(Ordering::Relaxed) {
            self.highest.fetch_max(self.load(), Ordering::SeqCst);
        }
        self.changed();
        before
    }

    /// Where its value is.
    pub fn value_pointer(&self) -> *mut i64 {
        self.value.as_ptr()
    }

    /// The highest value that was ever stored: of a doorbell.
    pub fn highest(&self) -> i64 {
        self.highest.load(Ordering::SeqCst)
    }

    /// Keeps when what it stands for began and ended, in ticks.
    pub fn set_times(&self, start: u64, end: u64, copy: bool) {
        self.copied.store(copy, Ordering::Relaxed);
        self.start.store(start, Ordering::Relaxed);
        self.end.store(end, Ordering::Release);
    }

    /// When what it stands for began and ended, in ticks; 0 if nobody measured. Whether it was a copy.
    pub fn times(&self) -> (u64, u64, bool) {
        let end = self.end.load(Ordering::Acquire);
        (self.start.load(Ordering::Relaxed), end, self.copied.load(Ordering::Relaxed))
    }

    /// Tells who waits that it has changed, if anybody does.
    #[inline]
    fn changed(&'static self) {
        if self.watchers.load(Ordering::SeqCst) > 0 {
            self.tell();
        }
    }

    /// Has everybody who waits look again.
    #[cold]
    pub fn tell(&'static self) {
        let (mutex, condition) = self.sleepers();
        // Taking the lock makes sure that no sleeper is between its look and its sleep.
        drop(lock(mutex));
        condition.notify_all();
        if self.watches.load(Ordering::SeqCst) > 0 {
            watch::look(self);
        }
    }

    /// The place where its sleepers are, among others.
    pub fn lot(&self) -> usize {
        (std::ptr::from_ref(self) as usize / size_of::<Self>()) % LOTS
    }

    fn sleepers(&self) -> &'static (Mutex<()>, Condvar) {
        &SLEEPERS[self.lot()]
    }

    /// The memory that signals are in, from the first address to past the last one. `None` if the host has none.
    pub fn memory() -> Option<(u64, u64)> {
        ARENA.extent()
    }

    /// Counts watches that were added.
    pub fn add_watch(&self) {
        self.watches.fetch_add(1, Ordering::SeqCst);
        self.watchers.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts watches that are gone.
    pub fn remove_watches(&self, count: u32) {
        self.watches.fetch_sub(count, Ordering::SeqCst);
        self.watchers.fetch_sub(count, Ordering::SeqCst);
    }

    /// Waits until the value is as asked for, the time is over, or the signal is destroyed; gives the value. Spins for
    /// some time before it sleeps.
    pub fn wait(&'static self, done: impl Fn(i64) -> bool, timeout: Option<Duration>, spin: Duration) -> i64 {
        let this = Known { signal: self, generation: self.generation.load(Ordering::SeqCst) };
        let mut last = self.load();
        let mut over = || match this.value() {
            Some(value) => {
                last = value;
                done(value).then_some(value)
            }
            None => Some(last),
        };
        if let Some(value) = over() {
            return value;
        }
        let began = Instant::now();
        let deadline = timeout.and_then(|timeout| began.checked_add(timeout));
        let spin = timeout.map_or(spin, |timeout| timeout.min(spin));
        while began.elapsed() < spin {
            for _ in 0..16 {
                spin_loop();
            }
            if let Some(value) = over() {
                return value;
            }
        }
        self.watchers.fetch_add(1, Ordering::SeqCst);
        let (mutex, condition) = self.sleepers();
        let mut guard = lock(mutex);
        let value = loop {
            if let Some(value) = over() {
                break value;
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => break self.load(),
                Some(left) => {
                    guard = condition.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None => guard = condition.wait(guard).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(guard);
        self.watchers.fetch_sub(1, Ordering::SeqCst);
        value
    }
}
