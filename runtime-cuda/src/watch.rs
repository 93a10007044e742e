//! Tells others that work is done, without anybody who keeps asking.
//!
//! A stream of its own waits for the work's event, and has the driver call the host: that only wakes a thread, for such a call must
//! not use the driver. The thread then does what was to be done.
//!
//! ```text
//!   when_done --> a watching stream: wait for the event, call the host --> `fired` --> the thread --> then()
//! ```
//! A watching stream is in order, too: one that watches work may delay the news of earlier work. So it is used for work that comes
//! later in the same stream of work, or when it is idle.
//!
//! When a context is lost, the driver calls nobody. So the thread looks at one of the events now and then.

use std::{
    collections::HashMap,
    ffi::c_void,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use geobacter_runtime_core::driver::{Completion, Priority};

use crate::{
    cuda_stream::CudaStream,
    error::{Error, call},
    operation::Operation,
};

/// How long a lost context may go unnoticed.
const LOOK: Duration = Duration::from_millis(50);

/// What is done when work is.
type Then = Box<dyn FnOnce() + Send>;

/// Watches the work of one context.
#[derive(Default)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    bell: Arc<Bell>,
}

/// What the driver's thread rings. Not a part of the state, whose lock is held while the driver is called, and which holds what the
/// driver is called for when it is dropped: that thread must neither wait for the one nor do the other.
#[derive(Default)]
struct Bell {
    news: Mutex<News>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What is watched, by the number of the watch.
    pending: HashMap<u64, Pending>,
    next: u64,
    watchers: Vec<Watcher>,
    running: bool,
}

#[derive(Default)]
struct News {
    /// Watches of which the driver has told.
    fired: Vec<u64>,
    /// There are more watches than before.
    more: bool,
    closed: bool,
}

struct Pending {
    operation: Arc<Operation>,
    then: Then,
    /// Id of the watching stream.
    watcher: u64,
}

/// A stream that watches.
struct Watcher {
    stream: Arc<CudaStream>,
    /// Watches that it has not told of.
    open: usize,
    /// The last work that it watches: its stream, and its place there.
    last: (u64, u64),
}

/// What the driver is given along: which watch it is. Of a lost context the driver keeps it.
struct Notice {
    bell: Arc<Bell>,
    number: u64,
}

/// Called by a thread of the driver's. It must not use the driver.
unsafe extern "C" fn on_done(data: *mut c_void) {
    // SAFETY: the notice of one call of `cuLaunchHostFunc`, for which this is the only call.
    let notice = unsafe { Box::from_raw(data.cast::<Notice>()) };
    notice.bell.ring(|news| news.fired.push(notice.number));
}

impl Watch {
    /// Calls `then` on the watch's thread once the operation is done; here, if nothing can watch it.
    pub(crate) fn when_done(&self, operation: Arc<Operation>, then: Then) {
        if let Err((error, operation, then)) = self.try_watch(operation, then) {
            tracing::debug!(%error, "no stream watches; a thread waits instead");
            let wait = move || {
                let _outcome = operation.wait();
                then();
            };
            if let Err(error) = thread::Builder::new().name("geobacter-wait".into()).spawn(wait) {
                tracing::error!(%error, "nobody will be told that a piece of work is done");
            }
        }
    }

    fn try_watch(&self, operation: Arc<Operation>, then: Then) -> Result<(), (Error, Arc<Operation>, Then)> {
        let mut state = self.shared.lock();
        let number = state.next;
        state.next += 1;
        let watcher = match state.watcher(&operation).and_then(|stream| {
            stream.wait_for(&operation)?;
            let notice = Box::new(Notice { bell: Arc::clone(&self.shared.bell), number });
            let data = Box::into_raw(notice).cast::<c_void>();
            let api = stream.context().enter()?;
            // SAFETY: the stream lives, and the function takes the data over.
            let launched = unsafe { call!(api, cuLaunchHostFunc(stream.handle(), Some(on_done), data)) };
            stream.context().check(launched).inspect_err(|_| {
                // SAFETY: made above, and the driver has not taken it.
                drop(unsafe { Box::from_raw(data.cast::<Notice>()) });
            })?;
            Ok(stream.id())
        }) {
            Ok(watcher) => watcher,
            Err(error) => return Err((error, operation, then)),
        };
        if let Some(watcher) = state.watchers.iter_mut().find(|other| other.stream.id() == watcher) {
            watcher.open += 1;
            watcher.last = (operation.stream().id(), operation.number());
        }
        state.pending.insert(number, Pending { operation, then, watcher });
        if !state.running {
            let shared = Arc::clone(&self.shared);
            match thread::Builder::new().name("geobacter-watch".into()).spawn(move || shared.run()) {
                Ok(_) => state.running = true,
                Err(error) => tracing::error!(%error, "nobody will be told that a piece of work is done"),
            }
        }
        drop(state);
        self.shared.bell.ring(|news| news.more = true);
        Ok(())
    }
}

impl Bell {
    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is news.
    fn ring(&self, add: impl FnOnce(&mut News)) {
        add(&mut self.news());
        self.changed.notify_all();
    }

    /// Waits for news, or, if there are watches, not for too long; gives those that the driver has told of. `None` when there is
    /// nothing left to wait for.
    fn wait(&self, is_idle: bool) -> Option<Vec<u64>> {
        let mut news = self.news();
        while is_idle && news.fired.is_empty() && !news.more {
            if news.closed {
                return None;
            }
            news = self.changed.wait(news).unwrap_or_else(PoisonError::into_inner);
        }
        if news.fired.is_empty() && !news.more {
            news = self.changed.wait_timeout(news, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        news.more = false;
        Some(std::mem::take(&mut news.fired))
    }
}

impl State {
    /// A stream that can watch this without delaying other news by it, or the other way round.
    fn watcher(&mut self, operation: &Operation) -> Result<Arc<CudaStream>, Error> {
        let work = (operation.stream().id(), operation.number());
        let follows = |watcher: &&Watcher| watcher.last.0 == work.0 && watcher.last.1 <= work.1;
        let found =
            self.watchers.iter().find(follows).or_else(|| self.watchers.iter().find(|watcher| watcher.open == 0));
        if let Some(watcher) = found {
            return Ok(Arc::clone(&watcher.stream));
        }
        let stream = CudaStream::new(operation.context(), Priority::High)?;
        self.watchers.push(Watcher { stream: Arc::clone(&stream), open: 0, last: work });
        Ok(stream)
    }

    /// Takes out what the driver has told of.
    fn take(&mut self, fired: &[u64]) -> Vec<Pending> {
        let told: Vec<_> = fired.iter().filter_map(|number| self.pending.remove(number)).collect();
        for pending in &told {
            if let Some(watcher) = self.watchers.iter_mut().find(|watcher| watcher.stream.id() == pending.watcher) {
                watcher.open -= 1;
            }
        }
        told
    }

    /// Takes out everything if the context is lost: the driver tells nothing then, and everything has ended.
    fn take_lost(&mut self) -> Vec<Pending> {
        match self.pending.values().next().and_then(|pending| pending.operation.end()) {
            Some(Err(_)) => self.pending.drain().map(|(_, pending)| pending).collect(),
            _ => Vec::new(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn run(&self) {
        let mut is_idle = false;
        while let Some(fired) = self.bell.wait(is_idle) {
            let mut state = self.lock();
            let mut told = state.take(&fired);
            if fired.is_empty() {
                told = state.take_lost();
            }
            is_idle = state.pending.is_empty();
            drop(state);
            for Pending { operation, then, .. } in told {
                // Before, so that memory is free when somebody hears of it.
                drop(operation);
                if catch_unwind(AssertUnwindSafe(then)).is_err() {
                    tracing::error!("what was to happen after a piece of work has panicked; please report it");
                }
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.bell.ring(|news| news.closed = true);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("pending", &self.shared.lock().pending.len()).finish_non_exhaustive()
    }
}
