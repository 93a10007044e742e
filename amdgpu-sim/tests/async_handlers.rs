//! Handlers of signals: when they are called, how often, and what they may do.

mod support;

use std::{
    ffi::c_void,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use hsa_rt_sys::*;
use support::{api, signal, wait_below};

const PATIENCE: Duration = Duration::from_secs(10);

/// What a test's handler does with the value; says whether to go on.
type Action = Box<dyn FnMut(i64) -> bool + Send>;

unsafe extern "C" fn act(value: hsa_signal_value_t, data: *mut c_void) -> bool {
    // SAFETY: `data` is the action that `handle` leaked; calls come one after the other.
    unsafe { (*data.cast::<Action>())(value) }
}

/// Registers a handler. Its action stays for the process: a handler that goes with its signal is never told.
fn handle(
    signal: hsa_signal_t,
    condition: hsa_signal_condition_t,
    value: i64,
    action: impl FnMut(i64) -> bool + Send + 'static,
) -> hsa_status_t {
    let action: *mut Action = Box::into_raw(Box::new(Box::new(action)));
    // SAFETY: HSA's contract.
    unsafe { (api().hsa_amd_signal_async_handler)(signal, condition, value, Some(act), action.cast()) }
}

fn store(signal: hsa_signal_t, value: i64) {
    // SAFETY: HSA's contract.
    unsafe { (api().hsa_signal_store_screlease)(signal, value) }
}

fn destroy(signal: hsa_signal_t) {
    // SAFETY: HSA's contract.
    assert_eq!(unsafe { (api().hsa_signal_destroy)(signal) }, HSA_STATUS_SUCCESS);
}

#[test]
fn a_handler_is_called_once_when_its_condition_holds() {
    let (sent, received) = mpsc::channel();
    let counter = signal(3);
    let caller = thread::current().id();
    let action = move |value| {
        sent.send((value, thread::current().id())).unwrap();
        false
    };
    assert_eq!(handle(counter, HSA_SIGNAL_CONDITION_LT, 1, action), HSA_STATUS_SUCCESS);
    store(counter, 2);
    store(counter, 1);
    assert!(received.recv_timeout(Duration::from_millis(50)).is_err(), "it does not hold yet");
    store(counter, 0);
    let (value, thread) = received.recv_timeout(PATIENCE).unwrap();
    assert_eq!(value, 0);
    assert_ne!(thread, caller, "a thread of the runtime calls it");
    store(counter, -1);
    assert!(received.recv_timeout(Duration::from_millis(50)).is_err(), "it wanted no other call");
    destroy(counter);
}

#[test]
fn every_condition_and_every_change_counts() {
    let conditions = [
        (HSA_SIGNAL_CONDITION_EQ, 10, 10),
        (HSA_SIGNAL_CONDITION_NE, 0, 10),
        (HSA_SIGNAL_CONDITION_LT, 0, -4),
        (HSA_SIGNAL_CONDITION_GTE, 7, 8),
    ];
    // SAFETY: HSA's contract.
    let changes: [fn(hsa_signal_t, i64); 5] = [
        |signal, value| unsafe { (api().hsa_signal_store_relaxed)(signal, value) },
        |signal, value| unsafe { (api().hsa_signal_add_screlease)(signal, value) },
        |signal, value| unsafe { (api().hsa_signal_subtract_screlease)(signal, -value) },
        |signal, value| assert_eq!(unsafe { (api().hsa_signal_exchange_scacq_screl)(signal, value) }, 0),
        |signal, value| assert_eq!(unsafe { (api().hsa_signal_cas_scacq_screl)(signal, 0, value) }, 0),
    ];
    for (condition, compare, value) in conditions {
        for change in changes {
            let (sent, received) = mpsc::channel();
            let cell = signal(0);
            let action = move |value| sent.send(value).is_err();
            assert_eq!(handle(cell, condition, compare, action), HSA_STATUS_SUCCESS);
            change(cell, value);
            assert_eq!(received.recv_timeout(PATIENCE), Ok(value));
            destroy(cell);
        }
    }
    // SAFETY: HSA's contract; a silent store wakes nobody, and the next change does.
    unsafe {
        let (sent, received) = mpsc::channel();
        let cell = signal(0);
        handle(cell, HSA_SIGNAL_CONDITION_GTE, 1, move |value| sent.send(value).is_err());
        (api().hsa_signal_silent_store_relaxed)(cell, 1);
        assert!(received.recv_timeout(Duration::from_millis(50)).is_err());
        (api().hsa_signal_add_screlease)(cell, 1);
        assert_eq!(received.recv_timeout(PATIENCE), Ok(2));
        destroy(cell);
    }
}

#[test]
fn a_condition_that_holds_already_and_one_that_goes_on_holding() {
    let (sent, received) = mpsc::channel();
    let cell = signal(0);
    let mut left = 5;
    let action = move |value| {
        left -= 1;
        sent.send(value).unwrap();
        left > 0
    };
    assert_eq!(handle(cell, HSA_SIGNAL_CONDITION_EQ, 0, action), HSA_STATUS_SUCCESS);
    for _ in 0..5 {
        assert_eq!(received.recv_timeout(PATIENCE), Ok(0));
    }
    // The action is gone with its sender only when the process ends: nothing more comes.
    assert!(received.recv_timeout(Duration::from_millis(50)).is_err());
    destroy(cell);
}

#[test]
fn a_handler_may_call_anything() {
    let (sent, received) = mpsc::channel();
    let (first, second, done) = (signal(1), signal(1), signal(1));
    let action = move |_| {
        // Another handler for another signal, a change that sets it off, and the end of its own signal.
        let sent = sent.clone();
        let inner = move |value| {
            sent.send(value).unwrap();
            store(done, 0);
            false
        };
        assert_eq!(handle(second, HSA_SIGNAL_CONDITION_EQ, 4, inner), HSA_STATUS_SUCCESS);
        store(second, 4);
        destroy(first);
        true
    };
    assert_eq!(handle(first, HSA_SIGNAL_CONDITION_LT, 1, action), HSA_STATUS_SUCCESS);
    store(first, 0);
    assert_eq!(received.recv_timeout(PATIENCE), Ok(4));
    assert_eq!(wait_below(done, 1), 0);
    [second, done].into_iter().for_each(destroy);
}

#[test]
fn a_destroyed_signal_takes_its_handlers_with_it() {
    let called = Arc::new(AtomicUsize::new(0));
    for _ in 0..3000 {
        let cell = signal(1);
        let counter = Arc::clone(&called);
        let action = move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        assert_eq!(handle(cell, HSA_SIGNAL_CONDITION_EQ, 77, action), HSA_STATUS_SUCCESS);
        destroy(cell);
        // A signal that may be in the same place now.
        let other = signal(77);
        store(other, 77);
        destroy(other);
    }
    assert_eq!(called.load(Ordering::Relaxed), 0);
}

#[test]
fn handlers_that_cannot_be_are_refused() {
    let cell = signal(1);
    let nothing = std::ptr::null_mut();
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let add = api().hsa_amd_signal_async_handler;
        assert_eq!(add(cell, HSA_SIGNAL_CONDITION_EQ, 0, None, nothing), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(add(cell, 9, 0, Some(act), nothing), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        let nobody = hsa_signal_t { handle: 8 };
        let status = add(nobody, HSA_SIGNAL_CONDITION_EQ, 0, Some(act), nothing);
        assert_eq!(status, HSA_STATUS_ERROR_INVALID_SIGNAL);
    }
    destroy(cell);
}

/// Many threads change signals while handlers are registered: each is called exactly once, and none is forgotten.
#[test]
fn no_change_is_missed() {
    const ROUNDS: usize = 2000;
    let (sent, received) = mpsc::channel();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let sent = sent.clone();
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    let cell = signal(1);
                    let sent = sent.clone();
                    let action = move |_| {
                        destroy(cell);
                        sent.send(()).unwrap();
                        false
                    };
                    // The change may come before, while and after the handler is registered.
                    thread::scope(|scope| {
                        scope.spawn(|| store(cell, 0));
                        assert_eq!(handle(cell, HSA_SIGNAL_CONDITION_LT, 1, action), HSA_STATUS_SUCCESS);
                    });
                }
            })
        })
        .collect();
    drop(sent);
    for n in 0..4 * ROUNDS {
        assert!(received.recv_timeout(PATIENCE).is_ok(), "handler {n} was not called");
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(received.try_recv().is_err(), "one was called twice");
}
