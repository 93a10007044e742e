//! Watches: what happens when a signal's value is as wished, without a thread that waits for it.
//!
//! Whoever changes a signal that has watches looks at them, and sets off those whose condition holds. What is set off
//! is only handed on from here (to the thread of the handlers, or to the copy engines), so nothing of the program's
//! runs in the thread that changed the value, and no lock is held.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, LazyLock, Mutex, PoisonError},
    time::Instant,
};

use super::{
    copy::Transfer,
    handlers::{self, Registration},
    signal::{Condition, Known, Signal},
    state::lock,
};

/// What to do.
#[derive(Debug)]
pub enum Then {
    /// Call the program's handler.
    Handle(Registration),
    /// Go on with a copy.
    Copy(Box<Transfer>),
    /// Wake a thread that waits for the first of several signals.
    Wake(Arc<Waker>),
}

/// A thread that waits for the first of several signals.
#[derive(Debug, Default)]
pub struct Waker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Waker {
    fn wake(&self) {
        *lock(&self.woken) = true;
        self.changed.notify_all();
    }

    /// Waits until it is woken, or the deadline is over. Whether it was woken.
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut woken = lock(&self.woken);
        while !*woken {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    woken = self.changed.wait_timeout(woken, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None => woken = self.changed.wait(woken).unwrap_or_else(PoisonError::into_inner),
            }
        }
        *woken
    }
}

/// What became of a watch that was to be left.
#[derive(Debug)]
pub enum Left {
    /// It is there.
    Waiting,
    /// There is nothing to wait for: this is the value.
    Holds(Then, i64),
    /// The signal was destroyed.
    Destroyed(Then),
}

#[derive(Debug)]
struct Watch {
    signal: &'static Signal,
    generation: u64,
    condition: Condition,
    then: Then,
}

/// By the address of the signal.
static WATCHES: LazyLock<Mutex<HashMap<u64, Vec<Watch>>>> = LazyLock::new(Mutex::default);

/// Leaves a watch at a signal.
pub fn leave(signal: Known, condition: Condition, then: Then) -> Left {
    let mut watches = lock(&WATCHES);
    signal.signal.add_watch();
    // After it was counted: who changes the value from here on looks, and waits for the lock to do so.
    match signal.value() {
        Some(value) if !condition.holds(value) => {
            let watch = Watch { signal: signal.signal, generation: signal.generation, condition, then };
            watches.entry(signal.signal.handle().handle).or_default().push(watch);
            Left::Waiting
        }
        Some(value) => {
            signal.signal.remove_watches(1);
            Left::Holds(then, value)
        }
        None => {
            signal.signal.remove_watches(1);
            Left::Destroyed(then)
        }
    }
}

/// The signals at which there are watches.
pub fn watched() -> Vec<&'static Signal> {
    lock(&WATCHES).values().filter_map(|watches| watches.first()).map(|watch| watch.signal).collect()
}

/// Takes back the watches by which a thread waits at a signal, if they were not set off.
pub fn withdraw(signal: Known, waker: &Arc<Waker>) {
    let mut all = lock(&WATCHES);
    let handle = signal.signal.handle().handle;
    let Some(watches) = all.get_mut(&handle) else { return };
    let ours = |watch: &mut Watch| matches!(&watch.then, Then::Wake(other) if Arc::ptr_eq(other, waker));
    let count = watches.extract_if(.., ours).count();
    if watches.is_empty() {
        all.remove(&handle);
    }
    signal.signal.remove_watches(count as u32);
}

/// Sets off what waited for the value that a signal has now, or for one that was destroyed.
pub fn look(signal: &'static Signal) {
    let mut due = Vec::new();
    {
        let mut all = lock(&WATCHES);
        let handle = signal.handle().handle;
        let Some(watches) = all.get_mut(&handle) else { return };
        let set_off = |watch: &mut Watch| {
            let value = Known { signal, generation: watch.generation }.value();
            value.is_none_or(|value| watch.condition.holds(value))
        };
        due.extend(watches.extract_if(.., set_off).map(|watch| {
            let known = Known { signal, generation: watch.generation };
            (known, watch.then)
        }));
        if watches.is_empty() {
            all.remove(&handle);
        }
        signal.remove_watches(due.len() as u32);
    }
    for (known, then) in due {
        match then {
            // A signal that is destroyed takes its handlers with it.
            Then::Handle(registration) => {
                if let Some(value) = known.value() {
                    handlers::call(registration, value);
                }
            }
            Then::Copy(transfer) => transfer.go_on(),
            Then::Wake(waker) => waker.wake(),
        }
    }
}
