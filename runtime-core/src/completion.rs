//! A completion that a thread of the host completes.

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::driver::{Completion, WorkError, WorkTimes};

/// A completion for work that a thread of the host does.
#[derive(Default)]
pub struct HostCompletion {
    /// Set last, so that looking takes no lock.
    done: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    outcome: Option<Result<(), WorkError>>,
    times: Option<WorkTimes>,
    waiting: bool,
    then: Vec<Box<dyn FnOnce() + Send>>,
}

impl HostCompletion {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work, now, and tells how it ended.
    pub fn run(&self, work: impl FnOnce() -> Result<(), WorkError>) {
        let start = Instant::now();
        let outcome = work();
        let mut state = self.lock();
        state.outcome.get_or_insert(outcome);
        state.times.get_or_insert(WorkTimes { start, end: Instant::now() });
        self.done.store(true, Ordering::Release);
        let then = std::mem::take(&mut state.then);
        let wake = state.waiting;
        drop(state);
        if wake {
            self.changed.notify_all();
        }
        then.into_iter().for_each(|then| then());
    }
}

impl Completion for HostCompletion {
    fn poll(&self) -> Option<Result<(), WorkError>> {
        if self.done.load(Ordering::Acquire) { self.lock().outcome.clone() } else { None }
    }

    fn wait(&self) -> Result<(), WorkError> {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = &state.outcome {
                return outcome.clone();
            }
            state.waiting = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn times(&self) -> Option<WorkTimes> {
        self.lock().times
    }

    fn notify(self: Arc<Self>, then: Box<dyn FnOnce() + Send>) {
        let mut state = self.lock();
        if state.outcome.is_none() {
            state.then.push(then);
            return;
        }
        drop(state);
        then();
    }
}

impl fmt::Debug for HostCompletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostCompletion").field(&self.lock().outcome).finish()
    }
}
