//! Completions that every driver needs: of what a thread of the host does, and of several things in order.

use std::{
    any::Any,
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

/// Several pieces of work in order, as one.
#[derive(Debug)]
pub struct Sequence {
    /// With the number of the step, where the work does not know it.
    parts: Vec<(Arc<dyn Completion>, Option<usize>)>,
}

impl Sequence {
    /// These parts, each of which is done before the next begins.
    pub fn new(parts: Vec<(Arc<dyn Completion>, Option<usize>)>) -> Self {
        Self { parts }
    }

    /// The last part of a sequence; work that is none, itself.
    pub fn last_of(work: &Arc<dyn Completion>) -> &Arc<dyn Completion> {
        let any: &dyn Any = work.as_ref();
        let last = any.downcast_ref::<Self>().and_then(|sequence| sequence.parts.last());
        last.map_or(work, |(last, _)| last)
    }

    /// The first failure; all parts are done.
    fn outcome(&self) -> Result<(), WorkError> {
        self.parts.iter().try_for_each(|(part, step)| {
            part.wait().map_err(|error| match step {
                Some(step) => WorkError::Step { step: *step, error: Box::new(error) },
                None => error,
            })
        })
    }
}

impl Completion for Sequence {
    fn poll(&self) -> Option<Result<(), WorkError>> {
        // In order: when the last is done, all are.
        match self.parts.last() {
            Some((last, _)) => last.poll().map(|_| self.outcome()),
            None => Some(Ok(())),
        }
    }

    fn wait(&self) -> Result<(), WorkError> {
        self.outcome()
    }

    fn notify(self: Arc<Self>, then: Box<dyn FnOnce() + Send>) {
        match self.parts.last() {
            Some((last, _)) => Arc::clone(last).notify(then),
            None => then(),
        }
    }
}
