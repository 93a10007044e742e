//! A thread that runs functions one after the other, in the order in which they were given.
//!
//! Streams of the host are lanes, and so are the calls of a GPU's streams. The thread starts with the first function,
//! and ends when the lane is dropped and everything that was given to it has run.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// A function that a lane runs.
pub type Job = Box<dyn FnOnce() + Send>;

/// A thread that runs functions in order.
pub struct Lane {
    shared: Arc<Shared>,
    name: &'static str,
}

struct Shared {
    state: Mutex<State>,
    /// Something has come, or the lane is closed.
    filled: Condvar,
    /// There is room again.
    room: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    started: bool,
    sleeping: bool,
    closed: bool,
    /// Producers that wait for room.
    waiting: usize,
}

impl Lane {
    /// A lane whose thread has this name, and that holds at most so many functions that have not begun.
    pub fn new(name: &'static str, capacity: usize) -> Self {
        let shared =
            Shared { state: Mutex::default(), filled: Condvar::new(), room: Condvar::new(), capacity: capacity.max(1) };
        Self { shared: Arc::new(shared), name }
    }

    /// Gives a function to the lane; waits while it is full. If no thread can be had, the function runs here.
    pub fn push(&self, job: Job) {
        let mut state = self.shared.lock();
        while state.jobs.len() >= self.shared.capacity {
            state.waiting += 1;
            state = self.shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        if !state.started {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name(self.name.to_owned()).spawn(move || shared.run());
            if let Err(error) = thread {
                tracing::warn!(%error, name = self.name, "no thread can be started; its work runs on the caller's");
                drop(state);
                job();
                return;
            }
            state.started = true;
        }
        state.jobs.push_back(job);
        let wake = state.sleeping;
        drop(state);
        if wake {
            self.shared.filled.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                let wake = state.waiting > 0;
                drop(state);
                if wake {
                    self.room.notify_one();
                }
                // A function that panics must not take those behind it along. Those who give functions that can panic
                // catch that themselves, to tell of it.
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    tracing::error!("a function that a thread of the runtime ran has panicked; please report it");
                }
                state = self.lock();
            } else if state.closed {
                return;
            } else {
                state.sleeping = true;
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.sleeping = false;
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_one();
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("name", &self.name).finish_non_exhaustive()
    }
}
