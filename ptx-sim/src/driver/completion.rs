//! The end of a piece of work, and waiting for it.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

use super::state::lock;

/// Whether a piece of work has ended, and when.
#[derive(Debug, Default)]
pub struct Completion {
    ended: Mutex<Option<Instant>>,
    changed: Condvar,
}

impl Completion {
    /// Of work that ends later.
    pub fn pending() -> Arc<Self> {
        Arc::default()
    }

    /// Of no work at all.
    pub fn ended_already() -> Arc<Self> {
        let completion = Self::default();
        completion.end();
        Arc::new(completion)
    }

    /// The work has ended.
    pub fn end(&self) {
        *lock(&self.ended) = Some(Instant::now());
        self.changed.notify_all();
    }

    /// When the work ended, if it has.
    pub fn ended(&self) -> Option<Instant> {
        *lock(&self.ended)
    }

    /// Blocks until the work has ended.
    pub fn wait(&self) {
        let ended = lock(&self.ended);
        // What is behind the lock is a copy of a time: no thread leaves it half done.
        drop(self.changed.wait_while(ended, |ended| ended.is_none()).unwrap_or_else(PoisonError::into_inner));
    }
}
