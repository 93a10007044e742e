//! Failures on demand: an HSA function that fails when a test says so.
//!
//! What a program does when an allocation fails is seldom tested, for allocations seldom fail. An [`Injection`] has the
//! n-th call of some functions fail; [`walk`] does so for the first call, the second one, and so on, until a run gets
//! through without a failure: then every place that calls one of the functions has seen one.
//!
//! Copies fail in another way as well: long after they were submitted. [`COPY_ENGINE`] stands for that.
//!
//! Every function of the table is wrapped: it is counted, then held against the injections there are, then called. An
//! injected failure is without effect on the simulator: the function itself is not called.

use core::ffi::{c_char, c_int, c_void};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};

use hsa_rt_sys::*;

use super::{
    REAL,
    state::{fail, lock},
};

/// Why there can be no such injection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InjectionError {
    /// No function of the table has this name.
    #[error("the table of HSA functions has no {0:?}; the name is that of the field, like \"hsa_signal_create\"")]
    UnknownFunction(String),
    /// The function gives no status.
    #[error("{0} gives no status, so it cannot fail; its calls can be counted with `calls`")]
    CannotFail(&'static str),
    /// The status stands for success.
    #[error("HSA_STATUS_SUCCESS is no failure; name another status")]
    Success,
}

/// A function of the table.
#[derive(Debug)]
struct Point {
    name: &'static str,
    can_fail: bool,
    calls: AtomicU64,
    /// How many plans there are: mostly none, and then there is no lock to take.
    armed: AtomicUsize,
    plans: Mutex<Vec<Arc<Plan>>>,
}

/// What is to fail.
#[derive(Debug)]
struct Plan {
    nth: u64,
    status: hsa_status_t,
    /// Whose calls count, if not everybody's.
    thread: Option<ThreadId>,
    seen: AtomicU64,
    happened: AtomicBool,
}

impl Point {
    const fn new(name: &'static str, can_fail: bool) -> Self {
        Self { name, can_fail, calls: AtomicU64::new(0), armed: AtomicUsize::new(0), plans: Mutex::new(Vec::new()) }
    }

    /// Counts a call. The status to fail with, if it must.
    fn call(&self) -> Option<hsa_status_t> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.armed.load(Ordering::Acquire) == 0 {
            return None;
        }
        let this = thread::current().id();
        let mut status = None;
        for plan in lock(&self.plans).iter().filter(|plan| plan.thread.is_none_or(|thread| thread == this)) {
            // Every plan counts, also if another one has the call fail.
            if plan.seen.fetch_add(1, Ordering::AcqRel) + 1 == plan.nth {
                plan.happened.store(true, Ordering::Release);
                status.get_or_insert(plan.status);
            }
        }
        status.map(|status| fail(status, format!("an injected failure of {}", self.name)))
    }
}

/// What a function gives.
trait Answer: Sized {
    /// Whether it says of success or failure.
    const CAN_FAIL: bool;
    /// The answer that stands for this failure.
    fn failure(status: hsa_status_t) -> Option<Self>;
}

impl Answer for hsa_status_t {
    const CAN_FAIL: bool = true;

    fn failure(status: hsa_status_t) -> Option<Self> {
        Some(status)
    }
}

macro_rules! never_fails {
    ($( $type:ty ),*) => {
        $( impl Answer for $type {
            const CAN_FAIL: bool = false;

            fn failure(_: hsa_status_t) -> Option<Self> {
                None
            }
        } )*
    };
}

never_fails!((), u64, hsa_signal_value_t);

/// What a function without a result gives.
macro_rules! answer {
    () => {
        ()
    };
    ($type:ty) => {
        $type
    };
}

macro_rules! wrap {
    ($( fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?; )*) => {
        #[allow(non_upper_case_globals, reason = "each has the name of its function")]
        mod points {
            use super::{Answer, Point};
            use hsa_rt_sys::*;

            $( pub static $name: Point = Point::new(stringify!($name), <answer!($($ret)?) as Answer>::CAN_FAIL); )*
        }

        static POINTS: &[&Point] = &[ $( &points::$name ),* ];

        /// The table with every function wrapped.
        pub const WRAPPED: HsaApi = HsaApi { $(
            $name: {
                unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
                    let failure = points::$name.call().and_then(<answer!($($ret)?) as Answer>::failure);
                    match failure {
                        Some(failure) => failure,
                        // SAFETY: the contract of the same function.
                        None => unsafe { (REAL.$name)($($arg),*) },
                    }
                }
                $name
            },
        )* };
    };
}

for_each_hsa_function!(wrap);

/// The name under which a copy that was submitted can be made to fail: not the call, but the copy itself, whose
/// completion signal becomes -1, whatever the status.
pub const COPY_ENGINE: &str = "copy engine";

static ENGINE: Point = Point::new(COPY_ENGINE, true);

/// Counts a copy that is about to run. Whether it must fail.
pub(super) fn copy_fails() -> bool {
    ENGINE.call().is_some()
}

fn point(function: &str) -> Result<&'static Point, InjectionError> {
    let found = POINTS.iter().copied().chain([&ENGINE]).find(|point| point.name == function);
    found.ok_or_else(|| InjectionError::UnknownFunction(function.to_owned()))
}

/// How often an HSA function was called in this process, by any thread; calls that were failed are among them.
///
/// # Errors
/// If there is no such function.
pub fn calls(function: &str) -> Result<u64, InjectionError> {
    Ok(point(function)?.calls.load(Ordering::Relaxed))
}

/// One call that is to fail. It counts from when it is made until it is dropped.
///
/// The simulator is one for the whole process: without [`in_this_thread`](Self::in_this_thread), calls by whatever
/// thread count, those of tests that run beside this one too.
#[derive(Debug)]
#[must_use = "an injection ends when it is dropped"]
pub struct Injection {
    points: Vec<&'static Point>,
    plan: Arc<Plan>,
}

impl Injection {
    /// Has the `nth` call of these functions (together; 1 is the next one) fail with this status, whichever thread it
    /// comes from.
    ///
    /// # Errors
    /// If there is no such function, one of them gives no status, or the status is that of success.
    pub fn new(functions: &[&str], nth: u64, status: hsa_status_t) -> Result<Self, InjectionError> {
        Self::start(functions, nth, status, None)
    }

    /// The same, and only calls of the current thread count.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn in_this_thread(functions: &[&str], nth: u64, status: hsa_status_t) -> Result<Self, InjectionError> {
        Self::start(functions, nth, status, Some(thread::current().id()))
    }

    fn start(
        functions: &[&str],
        nth: u64,
        status: hsa_status_t,
        thread: Option<ThreadId>,
    ) -> Result<Self, InjectionError> {
        if status == HSA_STATUS_SUCCESS {
            return Err(InjectionError::Success);
        }
        let points = functions.iter().map(|function| point(function)).collect::<Result<Vec<_>, _>>()?;
        if let Some(point) = points.iter().find(|point| !point.can_fail) {
            return Err(InjectionError::CannotFail(point.name));
        }
        let (seen, happened) = (AtomicU64::new(0), AtomicBool::new(false));
        let plan = Arc::new(Plan { nth, status, thread, seen, happened });
        for point in &points {
            lock(&point.plans).push(Arc::clone(&plan));
            point.armed.fetch_add(1, Ordering::AcqRel);
        }
        Ok(Self { points, plan })
    }

    /// Calls that it has seen, the one that failed among them.
    pub fn seen(&self) -> u64 {
        self.plan.seen.load(Ordering::Acquire)
    }

    /// Whether the call has come, and failed.
    pub fn happened(&self) -> bool {
        self.plan.happened.load(Ordering::Acquire)
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        for point in &self.points {
            lock(&point.plans).retain(|plan| !Arc::ptr_eq(plan, &self.plan));
            point.armed.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Runs `run` again and again, and has one call of these functions fail in each: the first one in the first run, the
/// second one in the second run, and so on. Ends after the first run that saw no failure, and says how many runs saw
/// one. `run` is told the number of the call. Calls of any thread count.
///
/// # Errors
/// As for [`Injection::new`].
pub fn walk(functions: &[&str], status: hsa_status_t, mut run: impl FnMut(u64)) -> Result<u64, InjectionError> {
    let mut nth = 1;
    loop {
        let injection = Injection::new(functions, nth, status)?;
        run(nth);
        if !injection.happened() {
            return Ok(nth - 1);
        }
        nth += 1;
    }
}
