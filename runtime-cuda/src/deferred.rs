//! Work that cannot be put into a stream of the driver yet.
//!
//! A driver's stream waits for events and for nothing else. What comes after a function of the host, or after work of another
//! driver, is kept by a thread of the stream until that is done, and submitted then. (The driver can call a function of the host
//! that waits; but the thread on which it does so may be the one that has to tell of what is waited for.)
//!
//! ```text
//!   waits on the stream's thread --submitted--> an operation, which says the rest
//!                                --refused--> failed
//! ```

use std::{
    any::Any,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use geobacter_runtime_core::{
    completion::Sequence,
    driver::{Completion, DriverError, WorkError, WorkTimes},
};

use crate::operation::Operation;

/// Work that will be submitted.
#[derive(Default)]
pub(crate) struct Deferred {
    state: Mutex<State>,
    submitted: Condvar,
}

#[derive(Default)]
struct State {
    /// What became of it.
    work: Option<Result<Arc<Operation>, WorkError>>,
    /// What is to happen when it is done.
    then: Vec<Box<dyn FnOnce() + Send>>,
}

/// What work is to those who wait for it in a stream of the driver.
pub(crate) enum Standing<'a> {
    /// It is done.
    Done,
    /// It stands in a stream of the driver.
    Operation(Arc<Operation>),
    /// It will.
    Deferred(&'a Deferred),
    /// It is the host's, or another driver's.
    Host,
}

impl Standing<'_> {
    /// That of some work.
    pub(crate) fn of(work: &Arc<dyn Completion>) -> Standing<'_> {
        let work = Sequence::last_of(work);
        let any = Arc::clone(work) as Arc<dyn Any + Send + Sync>;
        if let Ok(operation) = any.downcast::<Operation>() {
            return match operation.end() {
                None => Standing::Operation(operation),
                Some(_) => Standing::Done,
            };
        }
        let any: &dyn Any = work.as_ref();
        match any.downcast_ref::<Deferred>() {
            Some(deferred) => match deferred.submitted() {
                None => Standing::Deferred(deferred),
                Some(Ok(operation)) if operation.end().is_none() => Standing::Operation(operation),
                Some(_) => Standing::Done,
            },
            None if work.poll().is_some() => Standing::Done,
            None => Standing::Host,
        }
    }
}

impl Deferred {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of it; `None` while it waits to be submitted.
    fn submitted(&self) -> Option<Result<Arc<Operation>, WorkError>> {
        self.lock().work.clone()
    }

    /// Waits until it is submitted.
    pub(crate) fn wait_until_submitted(&self) -> Result<Arc<Operation>, WorkError> {
        let mut state = self.lock();
        loop {
            if let Some(work) = &state.work {
                return work.clone();
            }
            state = self.submitted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// It was submitted, or refused.
    pub(crate) fn submit(&self, work: Result<Arc<Operation>, DriverError>) {
        let work = work.map_err(DriverError::into_work_error);
        let mut state = self.lock();
        state.work = Some(work.clone());
        let then = std::mem::take(&mut state.then);
        drop(state);
        self.submitted.notify_all();
        for then in then {
            match &work {
                Ok(operation) => Arc::clone(operation).notify(then),
                Err(_) => then(),
            }
        }
    }
}

impl Completion for Deferred {
    fn poll(&self) -> Option<Result<(), WorkError>> {
        match self.submitted()? {
            Ok(operation) => operation.poll(),
            Err(error) => Some(Err(error)),
        }
    }

    fn wait(&self) -> Result<(), WorkError> {
        self.wait_until_submitted()?.wait()
    }

    fn times(&self) -> Option<WorkTimes> {
        self.submitted()?.ok()?.times()
    }

    fn notify(self: Arc<Self>, then: Box<dyn FnOnce() + Send>) {
        let mut state = self.lock();
        match state.work.clone() {
            None => state.then.push(then),
            Some(work) => {
                drop(state);
                match work {
                    Ok(operation) => operation.notify(then),
                    Err(_) => then(),
                }
            }
        }
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deferred").field(&self.submitted()).finish()
    }
}
