//! The threads that run a launch: the one that called, and helpers that join it.
//!
//! The calling thread begins at once, and does all of the work if the helpers are slow to wake. They are one fewer than the
//! processor has threads for, and a pool of their own: with rayon's global pool, whose threads are as many as the processor's, the
//! calling thread could only wait, and a launch would cost two changes of thread.

use std::{env, sync::OnceLock, thread};

use rayon::{ThreadPool, prelude::*};

/// Environment variable with the number of threads, as for rayon's own pool.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

#[derive(Debug)]
pub(crate) struct Threads {
    /// All of them, the calling one too.
    count: usize,
    /// Made with the first launch that wants them; `None` if there are none, or none can be had.
    helpers: OnceLock<Option<ThreadPool>>,
}

impl Threads {
    pub(crate) fn new() -> Self {
        let wanted = env::var(THREADS_VARIABLE).ok().and_then(|count| count.parse().ok()).filter(|&count| count > 0);
        let count = wanted.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        Self { count, helpers: OnceLock::new() }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` on this thread and, at the same time, on helpers. It returns when there is no work left.
    pub(crate) fn run(&self, work: impl Fn() + Sync) {
        let helpers = self.helpers.get_or_init(|| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(self.count.checked_sub(1).filter(|&helpers| helpers > 0)?)
                .thread_name(|number| format!("geobacter-host-{number}"));
            pool.build().inspect_err(|error| tracing::warn!(%error, "kernels on the host run on one thread")).ok()
        });
        let Some(helpers) = helpers else { return work() };
        helpers.in_place_scope(|scope| {
            // One wakes the next.
            scope.spawn(|_| (1..self.count).into_par_iter().with_max_len(1).for_each(|_| work()));
            work();
        });
    }
}
