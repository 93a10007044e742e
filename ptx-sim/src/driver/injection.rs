//! Failures on demand: a function of the driver that fails when a test says so.
//!
//! What a program does when an allocation fails, when there is no device, or when the card's memory has an error that
//! it cannot correct, is seldom tested, for that seldom happens. An [`Injection`] has the n-th call of some functions
//! fail; [`walk`] does so for the first call, the second one, and so on, until a run gets through without a failure:
//! then every place that calls one of the functions has seen one.
//!
//! | what is to happen | injection |
//! |---|---|
//! | the driver does not start, or finds no device | `cuInit` with `CUDA_ERROR_NO_DEVICE`, or any other result |
//! | memory is full | `cuMemAlloc_v2`, `cuMemHostAlloc`, `cuMemAllocManaged` with `CUDA_ERROR_OUT_OF_MEMORY` |
//! | a kernel runs into a memory error (ECC) | [`EXECUTION`] with `CUDA_ERROR_ECC_UNCORRECTABLE` |
//! | a copy fails after it was submitted | [`COPY_ENGINE`] with any result |
//!
//! Every function of the table is wrapped: it is counted, then held against the injections there are, then called. An
//! injected failure is without effect on the simulator: the function itself is not called. What fails on a device,
//! [`EXECUTION`] and [`COPY_ENGINE`], loses the context.

use core::ffi::{c_char, c_int, c_uchar, c_uint, c_ulonglong, c_ushort, c_void};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};

use geobacter_cuda_driver::{CudaApi, Raw, for_each_cuda_function, sys::*};

use super::{
    REAL,
    state::{fail, lock},
};

/// Why there can be no such injection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InjectionError {
    /// No function of the table has this name.
    #[error("the table of driver functions has no {0:?}; the name is that of the field, like \"cuMemAlloc_v2\"")]
    UnknownFunction(String),
    /// The result stands for success.
    #[error("CUDA_SUCCESS is no failure; name another result")]
    Success,
}

/// A function of the table, or something that a device does.
#[derive(Debug)]
struct Point {
    name: &'static str,
    calls: AtomicU64,
    /// How many plans there are: mostly none, and then there is no lock to take.
    armed: AtomicUsize,
    plans: Mutex<Vec<Arc<Plan>>>,
}

/// What is to fail.
#[derive(Debug)]
struct Plan {
    nth: u64,
    result: CUresult,
    /// Whose calls count, if not everybody's.
    thread: Option<ThreadId>,
    seen: AtomicU64,
    happened: AtomicBool,
}

impl Point {
    const fn new(name: &'static str) -> Self {
        Self { name, calls: AtomicU64::new(0), armed: AtomicUsize::new(0), plans: Mutex::new(Vec::new()) }
    }

    /// Counts a call. The result to fail with, if it must.
    fn call(&self) -> Option<CUresult> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.armed.load(Ordering::Acquire) == 0 {
            return None;
        }
        let this = thread::current().id();
        let mut result = None;
        for plan in lock(&self.plans).iter().filter(|plan| plan.thread.is_none_or(|thread| thread == this)) {
            // Every plan counts, also if another one has the call fail.
            if plan.seen.fetch_add(1, Ordering::AcqRel) + 1 == plan.nth {
                plan.happened.store(true, Ordering::Release);
                result.get_or_insert(plan.result);
            }
        }
        result.map(|result| fail(result, format!("an injected failure of {}", self.name)).0)
    }
}

macro_rules! wrap {
    ($( fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty; )*) => {
        #[allow(non_upper_case_globals, reason = "each has the name of its function")]
        mod points {
            use super::Point;

            $( pub static $name: Point = Point::new(stringify!($name)); )*
        }

        static POINTS: &[&Point] = &[ $( &points::$name ),* ];

        /// The table with every function wrapped.
        pub(super) const WRAPPED: CudaApi = CudaApi { $(
            $name: {
                unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                    match points::$name.call() {
                        Some(failure) => failure.into(),
                        // SAFETY: the contract of the same function.
                        None => unsafe { (REAL.$name)($($arg),*) },
                    }
                }
                $name
            },
        )* };
    };
}

for_each_cuda_function!(wrap);

/// The name under which a kernel can be made to fail: not the launch, but the kernel itself, on the device.
pub const EXECUTION: &str = "execution";
/// The name under which a copy or fill that was submitted can be made to fail: not the call, but the work itself.
pub const COPY_ENGINE: &str = "copy engine";

static ON_DEVICE: [Point; 2] = [Point::new(EXECUTION), Point::new(COPY_ENGINE)];

/// Counts a kernel that is about to run. The result that it must fail with, if it must.
pub(super) fn execution() -> Option<CUresult> {
    ON_DEVICE[0].call()
}

/// The same for a copy or fill.
pub(super) fn copy_engine() -> Option<CUresult> {
    ON_DEVICE[1].call()
}

fn point(function: &str) -> Result<&'static Point, InjectionError> {
    let found = POINTS.iter().copied().chain(&ON_DEVICE).find(|point| point.name == function);
    found.ok_or_else(|| InjectionError::UnknownFunction(function.to_owned()))
}

/// How often a function was called in this process, by any thread; calls that were failed are among them.
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
    /// Has the `nth` call of these functions (together; 1 is the next one) fail with this result, whichever thread it
    /// comes from.
    ///
    /// # Errors
    /// If there is no such function, or the result is that of success.
    pub fn new(functions: &[&str], nth: u64, result: CUresult) -> Result<Self, InjectionError> {
        Self::start(functions, nth, result, None)
    }

    /// The same, and only calls of the current thread count. What a device does is done by other threads.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn in_this_thread(functions: &[&str], nth: u64, result: CUresult) -> Result<Self, InjectionError> {
        Self::start(functions, nth, result, Some(thread::current().id()))
    }

    fn start(functions: &[&str], nth: u64, result: CUresult, thread: Option<ThreadId>) -> Result<Self, InjectionError> {
        if result == CUresult::CUDA_SUCCESS {
            return Err(InjectionError::Success);
        }
        let points = functions.iter().map(|function| point(function)).collect::<Result<Vec<_>, _>>()?;
        let (seen, happened) = (AtomicU64::new(0), AtomicBool::new(false));
        let plan = Arc::new(Plan { nth, result, thread, seen, happened });
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
pub fn walk(functions: &[&str], result: CUresult, mut run: impl FnMut(u64)) -> Result<u64, InjectionError> {
    let mut nth = 1;
    loop {
        let injection = Injection::new(functions, nth, result)?;
        run(nth);
        if !injection.happened() {
            return Ok(nth - 1);
        }
        nth += 1;
    }
}
