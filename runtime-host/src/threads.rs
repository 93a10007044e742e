//! The threads that run a launch: the one that called, and helpers that join it.
//!
//! The calling thread begins at once, and does all of the work if the helpers are slow to wake, or busy with another
//! launch: it waits only for those that have joined. They are one fewer than the processor has threads for, and a pool
//! of their own: with rayon's global pool, whose threads are as many as the processor's, the calling thread could only
//! wait, and a launch would cost two changes of thread.
//!
//! ```text
//!   open --helper: join--> open, helped --caller has no work left: close--> closed, helped --last helper is done--> over
//!     |                                                                                                              ^
//!     +------------------------- caller has no work left: close ----------------------------------------------------+
//! ```
//! A helper that comes after the launch has closed finds nothing to do.

use std::{
    env, hint,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rayon::ThreadPool;

/// Environment variable with the number of threads, as for rayon's own pool.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

/// How long the caller looks for its last helper before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

/// Invitations that no helper has seen yet, for each helper. Beyond that all of them are busy, and one more is of no
/// use.
const MOST_INVITATIONS: usize = 16;

#[derive(Debug)]
pub(crate) struct Threads {
    /// All of them, the calling one too.
    count: usize,
    /// Made with the first launch that wants them; `None` if there are none, or none can be had.
    helpers: OnceLock<Option<Arc<Helpers>>>,
}

#[derive(Debug)]
struct Helpers {
    pool: ThreadPool,
    /// How many launches helpers were asked to join and have not looked at.
    invitations: AtomicUsize,
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

    fn helpers(&self) -> Option<&Arc<Helpers>> {
        let helpers = self.helpers.get_or_init(|| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(self.count.checked_sub(1).filter(|&helpers| helpers > 0)?)
                .thread_name(|number| format!("geobacter-host-{number}"));
            let pool = pool.build();
            let pool =
                pool.inspect_err(|error| tracing::warn!(%error, "kernels on the host run on one thread")).ok()?;
            Some(Arc::new(Helpers { pool, invitations: AtomicUsize::new(0) }))
        });
        helpers.as_ref()
    }

    /// Runs `work` on this thread and, at the same time, on helpers. It returns when there is no work left.
    pub(crate) fn run(&self, work: impl Fn() + Sync) {
        let Some(helpers) = self.helpers() else { return work() };
        // SAFETY: `Close`, below, ends before the work does.
        let job = unsafe { Job::lend(&work) };
        // Does not let this function end, not even by a panic, before the last helper is done with the work.
        let _close = Close(&job);
        helpers.invite(&job, self.count - 1);
        work();
    }
}

impl Helpers {
    /// Asks so many helpers to join. One asks the next, so that the caller wakes one only.
    fn invite(self: &Arc<Self>, job: &Arc<Job>, count: usize) {
        if count == 0 || self.invitations.load(Ordering::Relaxed) >= MOST_INVITATIONS * self.pool.current_num_threads()
        {
            return;
        }
        self.invitations.fetch_add(1, Ordering::Relaxed);
        let (helpers, job) = (Arc::clone(self), Arc::clone(job));
        self.pool.spawn(move || {
            helpers.invitations.fetch_sub(1, Ordering::Relaxed);
            if job.join() {
                helpers.invite(&job, count - 1);
                job.help();
            }
        });
    }
}

/// A launch that helpers may join.
struct Job {
    /// Valid while the launch is open or somebody is still helping.
    work: *const (dyn Fn() + Sync),
    state: Mutex<JobState>,
    /// The last helper has left.
    left: Condvar,
}

// SAFETY: what it points to may be called by any thread, and is only called while it is valid: see `help`.
unsafe impl Send for Job {}
// SAFETY: as above.
unsafe impl Sync for Job {}

#[derive(Default)]
struct JobState {
    closed: bool,
    helping: usize,
}

impl Job {
    /// A launch whose work is lent to whoever joins.
    ///
    /// # Safety
    /// A [`Close`] of it must be dropped before the work is gone.
    unsafe fn lend(work: &(dyn Fn() + Sync)) -> Arc<Self> {
        // SAFETY: only the lifetime changes, and the job keeps a pointer.
        let work: &'static (dyn Fn() + Sync) = unsafe { std::mem::transmute(work) };
        Arc::new(Self { work, state: Mutex::default(), left: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this thread may, and has to, [`help`](Self::help) now.
    fn join(&self) -> bool {
        let mut state = self.state();
        if !state.closed {
            state.helping += 1;
        }
        !state.closed
    }

    fn help(&self) {
        /// Says so even if the work panics.
        struct Leave<'j>(&'j Job);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state();
                state.helping -= 1;
                if state.helping == 0 {
                    self.0.left.notify_one();
                }
            }
        }
        let _leave = Leave(self);
        // SAFETY: this thread has joined and not left, and until it has, `Close` keeps the caller, whose work this is,
        // from returning.
        unsafe { (*self.work)() };
    }
}

/// Closes a launch, and waits for its helpers.
struct Close<'j>(&'j Job);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed = true;
        // They are in their last chunk, which does not take long; falling asleep and waking up does.
        let start = Instant::now();
        while state.helping > 0 && start.elapsed() < SPIN {
            drop(state);
            (0..64).for_each(|_| hint::spin_loop());
            state = self.0.state();
        }
        while state.helping > 0 {
            state = self.0.left.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "rayon's queues make pointers of integers")]
    fn a_launch_does_not_wait_for_helpers_that_are_busy_with_another() {
        let threads = Arc::new(Threads { count: 3, helpers: OnceLock::new() });
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let all_here = Barrier::new(3);
        thread::scope(|scope| {
            scope.spawn(|| {
                threads.run(|| {
                    // Once each: the caller and both helpers.
                    all_here.wait();
                    let _released = held.lock().unwrap().recv_timeout(Duration::from_secs(60));
                });
            });
            // Both helpers are in the long one when this returns.
            let calls = AtomicUsize::new(0);
            thread::sleep(Duration::from_millis(100));
            for _ in 0..1000 {
                threads.run(|| {
                    calls.fetch_add(1, Ordering::Relaxed);
                });
            }
            assert_eq!(calls.into_inner(), 1000, "nobody has helped, and nobody was waited for");
            let waiting = threads.helpers().unwrap().invitations.load(Ordering::Relaxed);
            assert!(waiting <= MOST_INVITATIONS * 2, "{waiting} invitations");
            drop(release);
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "rayon's queues make pointers of integers")]
    fn helpers_join_and_are_waited_for() {
        let threads = Threads { count: 4, helpers: OnceLock::new() };
        for _ in 0..20 {
            let (joined, done) = (Barrier::new(4), AtomicUsize::new(0));
            threads.run(|| {
                // Nobody goes on before all four are here.
                joined.wait();
                thread::sleep(Duration::from_micros(200));
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 4);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "rayon's queues make pointers of integers")]
    fn a_panic_of_the_caller_waits_for_helpers() {
        let threads = Threads { count: 2, helpers: OnceLock::new() };
        let (joined, done) = (Barrier::new(2), AtomicUsize::new(0));
        let caller = thread::current().id();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            threads.run(|| {
                joined.wait();
                assert!(thread::current().id() != caller, "the caller panics");
                thread::sleep(Duration::from_millis(20));
                done.fetch_add(1, Ordering::Relaxed);
            });
        }));
        assert!(run.is_err());
        assert_eq!(done.into_inner(), 1);
    }

    #[test]
    fn work_is_done_by_who_joins_in_time_and_is_nobodys_later() {
        for round in 0..20 {
            let calls = AtomicUsize::new(0);
            let helpers: Vec<_> = {
                let numbers = Box::new([round; 3]);
                let work = || {
                    calls.fetch_add(numbers.len(), Ordering::Relaxed);
                };
                // SAFETY: `close` is dropped at the end of this block, before the work.
                let job = unsafe { Job::lend(&work) };
                let close = Close(&job);
                let helper = |_| {
                    let job = Arc::clone(&job);
                    thread::spawn(move || {
                        let joined = job.join();
                        if joined {
                            job.help();
                        }
                        joined
                    })
                };
                let helpers = (0..3).map(helper).collect();
                work();
                if round % 2 == 0 {
                    thread::yield_now();
                }
                drop(close);
                helpers
            };
            let joined = helpers.into_iter().map(|helper| helper.join().unwrap());
            let joined = joined.filter(|&joined| joined).count();
            assert_eq!(calls.into_inner(), 3 * (1 + joined));
        }
    }
}
