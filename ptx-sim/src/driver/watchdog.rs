//! Ends kernels that run too long.

use std::{
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::state::lock;

/// A kernel that is watched: when its time is over, and what ends it.
type Watched = (Instant, Arc<AtomicBool>);

#[derive(Debug, Default)]
struct Watchdog {
    kernels: Mutex<Vec<Watched>>,
    changed: Condvar,
}

/// Runs a kernel with a flag that is set when the time is over.
pub fn watch<R>(limit: Option<Duration>, kernel: impl FnOnce(Option<&AtomicBool>) -> R) -> R {
    let watched = limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, watchdog()?)));
    let Some((deadline, watchdog)) = watched else { return kernel(None) };
    let stop = Arc::new(AtomicBool::new(false));
    lock(&watchdog.kernels).push((deadline, Arc::clone(&stop)));
    watchdog.changed.notify_one();
    let result = kernel(Some(&stop));
    lock(&watchdog.kernels).retain(|(_, other)| !Arc::ptr_eq(other, &stop));
    result
}

/// The watchdog, whose thread starts with the first kernel. None if there is no thread to be had.
fn watchdog() -> Option<&'static Watchdog> {
    static WATCHDOG: OnceLock<Option<Arc<Watchdog>>> = OnceLock::new();
    let start = || {
        let watchdog = Arc::<Watchdog>::default();
        let watching = Arc::clone(&watchdog);
        thread::Builder::new().name("ptx-sim watchdog".to_owned()).spawn(move || watching.watch()).ok()?;
        Some(watchdog)
    };
    WATCHDOG.get_or_init(start).as_deref()
}

impl Watchdog {
    fn watch(&self) {
        let mut kernels = lock(&self.kernels);
        loop {
            let now = Instant::now();
            for (_, stop) in kernels.iter().filter(|(deadline, _)| *deadline <= now) {
                stop.store(true, Ordering::Release);
            }
            let next = kernels.iter().map(|(deadline, _)| *deadline).filter(|deadline| *deadline > now).min();
            // The list is whole between statements.
            kernels = match next {
                Some(deadline) => {
                    let waited = self.changed.wait_timeout(kernels, deadline - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(kernels).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
