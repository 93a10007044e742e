//! The program's handlers of signals, and the thread that calls them, one after the other.
//!
//! No lock is held during a call, so a handler may call any HSA function: register another handler, destroy the signal,
//! launch a kernel. A handler that waits for something keeps the others waiting. A signal that is destroyed takes its
//! handlers with it, but a call that has begun goes on.

use std::{
    collections::VecDeque,
    ffi::c_void,
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

use hsa_rt_sys::*;

use super::{
    out::null,
    signal::{Condition, Known, Signal},
    signal_functions::unknown,
    state::{fail, lock, simulator, status},
    watch::{self, Left, Then},
};

type Callback = unsafe extern "C" fn(value: hsa_signal_value_t, arg: *mut c_void) -> bool;

/// A handler that waits for its signal.
#[derive(Debug)]
pub struct Registration {
    signal: Known,
    condition: Condition,
    callback: Callback,
    argument: *mut c_void,
}

// SAFETY: the HSA specification has the runtime call the handler from its own thread; what the argument points to is
// the program's to make fit for that.
unsafe impl Send for Registration {}

/// What the thread is to call.
#[derive(Debug)]
enum Due {
    /// A handler, with the value that its signal had.
    Handler(Registration, i64),
    /// A function that waits for no signal.
    Function(Function),
}

/// A function of the program, and what it is called with.
#[derive(Debug)]
struct Function {
    callback: unsafe extern "C" fn(arg: *mut c_void),
    argument: *mut c_void,
}

// SAFETY: the header has the runtime call the function from its own thread; what the argument points to is the
// program's to make fit for that.
unsafe impl Send for Function {}

static DUE: Mutex<VecDeque<Due>> = Mutex::new(VecDeque::new());
static MORE: Condvar = Condvar::new();

/// Has the handlers' thread call this one.
pub fn call(registration: Registration, value: i64) {
    push(Due::Handler(registration, value));
}

fn push(due: Due) {
    lock(&DUE).push_back(due);
    MORE.notify_one();
}

/// Starts the thread, unless it runs.
fn start() -> Result<(), hsa_status_t> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut started = lock(&STARTED);
    if !*started {
        let thread = thread::Builder::new().name("amdgpu-sim handlers".to_owned()).spawn(work);
        thread.map_err(|error| {
            fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, format!("no thread for signal handlers: {error}"))
        })?;
        *started = true;
    }
    Ok(())
}

fn work() {
    loop {
        let mut due = lock(&DUE);
        let next = loop {
            match due.pop_front() {
                Some(next) => break next,
                None => due = MORE.wait(due).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(due);
        let (registration, value) = match next {
            Due::Handler(registration, value) => (registration, value),
            Due::Function(Function { callback, argument }) => {
                // SAFETY: the program's function with its argument, called from the runtime's thread as the header says.
                unsafe { callback(argument) };
                continue;
            }
        };
        if !registration.signal.is_live() {
            continue;
        }
        // SAFETY: the program's handler with its argument, called from the runtime's thread as the specification says.
        let again = unsafe { (registration.callback)(value, registration.argument) };
        if again {
            register(registration);
        }
    }
}

fn register(registration: Registration) {
    match watch::leave(registration.signal, registration.condition, Then::Handle(registration)) {
        Left::Holds(Then::Handle(registration), value) => call(registration, value),
        Left::Holds(..) | Left::Waiting | Left::Destroyed(_) => {}
    }
}

pub unsafe extern "C" fn hsa_amd_signal_async_handler(
    signal: hsa_signal_t,
    cond: hsa_signal_condition_t,
    value: hsa_signal_value_t,
    handler: hsa_amd_signal_handler,
    arg: *mut c_void,
) -> hsa_status_t {
    let add = || {
        simulator()?;
        let callback = handler.ok_or_else(|| null("handler"))?;
        let signal = Signal::know(signal).ok_or_else(|| unknown(signal))?;
        let condition = Condition::new(cond, value)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no signal condition {cond}")))?;
        start()?;
        register(Registration { signal, condition, callback, argument: arg });
        Ok(())
    };
    status(add())
}

pub unsafe extern "C" fn hsa_amd_async_function(
    callback: Option<unsafe extern "C" fn(arg: *mut c_void)>,
    arg: *mut c_void,
) -> hsa_status_t {
    let add = || {
        simulator()?;
        let callback = callback.ok_or_else(|| null("callback"))?;
        start()?;
        push(Due::Function(Function { callback, argument: arg }));
        Ok(())
    };
    status(add())
}
