//! The operations on signals in all memory orders. Each is sequentially consistent, whatever its name asks for: a change
//! must be seen before whether anybody waits is looked at, so a weaker one is no cheaper.

use std::sync::atomic::Ordering;

use hsa_rt_sys::*;

use super::{
    signal::Signal,
    signal_functions::{hsa_signal_wait_scacquire, with},
};

/// Functions that change the value by one atomic operation, and give nothing.
macro_rules! change {
    ($( $operation:ident: $( $name:ident )*; )*) => { $( $(
        pub unsafe extern "C" fn $name(signal: hsa_signal_t, value: hsa_signal_value_t) {
            with(signal, |signal| signal.update(|cell| cell.$operation(value, Ordering::SeqCst)));
        }
    )* )* };
}

/// Functions that set the value, and give what was there before.
macro_rules! exchange {
    ($( $name:ident )*) => { $(
        pub unsafe extern "C" fn $name(signal: hsa_signal_t, value: hsa_signal_value_t) -> hsa_signal_value_t {
            with(signal, |signal| signal.update(|cell| cell.swap(value, Ordering::SeqCst)))
        }
    )* };
}

/// Functions that set the value if it is the expected one, and give what was there before.
macro_rules! compare_and_swap {
    ($( $name:ident )*) => { $(
        pub unsafe extern "C" fn $name(
            signal: hsa_signal_t,
            expected: hsa_signal_value_t,
            value: hsa_signal_value_t,
        ) -> hsa_signal_value_t {
            with(signal, |signal| {
                signal.update(|cell| match cell.compare_exchange(expected, value, Ordering::SeqCst, Ordering::SeqCst) {
                    Ok(before) | Err(before) => before,
                })
            })
        }
    )* };
}

change! {
    fetch_add: hsa_signal_add_scacq_screl hsa_signal_add_acq_rel hsa_signal_add_scacquire hsa_signal_add_acquire
        hsa_signal_add_relaxed hsa_signal_add_release hsa_signal_add_screlease;
    fetch_sub: hsa_signal_subtract_scacq_screl hsa_signal_subtract_acq_rel hsa_signal_subtract_scacquire
        hsa_signal_subtract_acquire hsa_signal_subtract_relaxed hsa_signal_subtract_release
        hsa_signal_subtract_screlease;
    fetch_and: hsa_signal_and_scacq_screl hsa_signal_and_acq_rel hsa_signal_and_scacquire hsa_signal_and_acquire
        hsa_signal_and_relaxed hsa_signal_and_screlease hsa_signal_and_release;
    fetch_or: hsa_signal_or_scacq_screl hsa_signal_or_acq_rel hsa_signal_or_scacquire hsa_signal_or_acquire
        hsa_signal_or_relaxed hsa_signal_or_screlease hsa_signal_or_release;
    fetch_xor: hsa_signal_xor_scacq_screl hsa_signal_xor_acq_rel hsa_signal_xor_scacquire hsa_signal_xor_acquire
        hsa_signal_xor_relaxed hsa_signal_xor_screlease hsa_signal_xor_release;
}

exchange! {
    hsa_signal_exchange_scacq_screl hsa_signal_exchange_acq_rel hsa_signal_exchange_scacquire
    hsa_signal_exchange_acquire hsa_signal_exchange_relaxed hsa_signal_exchange_screlease hsa_signal_exchange_release
}

compare_and_swap! {
    hsa_signal_cas_scacq_screl hsa_signal_cas_acq_rel hsa_signal_cas_scacquire hsa_signal_cas_acquire
    hsa_signal_cas_relaxed hsa_signal_cas_screlease hsa_signal_cas_release
}

pub unsafe extern "C" fn hsa_signal_load_relaxed(signal: hsa_signal_t) -> hsa_signal_value_t {
    with(signal, Signal::load_relaxed)
}

pub unsafe extern "C" fn hsa_signal_load_scacquire(signal: hsa_signal_t) -> hsa_signal_value_t {
    with(signal, Signal::load)
}

pub unsafe extern "C" fn hsa_signal_load_acquire(signal: hsa_signal_t) -> hsa_signal_value_t {
    with(signal, Signal::load)
}

pub unsafe extern "C" fn hsa_signal_store_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t) {
    with(signal, |signal| signal.store(value));
}

pub unsafe extern "C" fn hsa_signal_store_screlease(signal: hsa_signal_t, value: hsa_signal_value_t) {
    with(signal, |signal| signal.store(value));
}

pub unsafe extern "C" fn hsa_signal_store_release(signal: hsa_signal_t, value: hsa_signal_value_t) {
    with(signal, |signal| signal.store(value));
}

pub unsafe extern "C" fn hsa_signal_silent_store_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t) {
    with(signal, |signal| signal.store_silently(value));
}

pub unsafe extern "C" fn hsa_signal_silent_store_screlease(signal: hsa_signal_t, value: hsa_signal_value_t) {
    with(signal, |signal| signal.store_silently(value));
}

pub unsafe extern "C" fn hsa_signal_wait_relaxed(
    signal: hsa_signal_t,
    condition: hsa_signal_condition_t,
    compare_value: hsa_signal_value_t,
    timeout_hint: u64,
    wait_state_hint: hsa_wait_state_t,
) -> hsa_signal_value_t {
    // SAFETY: the same contract.
    unsafe { hsa_signal_wait_scacquire(signal, condition, compare_value, timeout_hint, wait_state_hint) }
}

pub unsafe extern "C" fn hsa_signal_wait_acquire(
    signal: hsa_signal_t,
    condition: hsa_signal_condition_t,
    compare_value: hsa_signal_value_t,
    timeout_hint: u64,
    wait_state_hint: hsa_wait_state_t,
) -> hsa_signal_value_t {
    // SAFETY: the same contract.
    unsafe { hsa_signal_wait_scacquire(signal, condition, compare_value, timeout_hint, wait_state_hint) }
}
