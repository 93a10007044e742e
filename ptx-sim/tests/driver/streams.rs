//! Streams: what waits for what.

use std::{
    ffi::c_void,
    ptr::{null_mut, without_provenance_mut},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use geobacter_cuda_driver::sys::{CUresult::*, CUstream};

use crate::support::{Gate, allocate, api, context, context_on, cuda, device, event, gives, ok, read, stream};

/// What was called in which order.
type Log = Mutex<Vec<u32>>;

struct Entry {
    log: &'static Log,
    number: u32,
}

unsafe extern "C" fn note(data: *mut c_void) {
    // SAFETY: it is the entry that was given for this call alone.
    let entry = unsafe { Box::from_raw(data.cast::<Entry>()) };
    // A test that has failed must not end the process.
    entry.log.lock().unwrap_or_else(PoisonError::into_inner).push(entry.number);
}

fn log() -> &'static Log {
    Box::leak(Box::default())
}

/// Has a stream note a number.
fn note_in(stream: CUstream, log: &'static Log, number: u32) {
    let entry = Box::into_raw(Box::new(Entry { log, number }));
    ok!(cuLaunchHostFunc(stream, Some(note), entry.cast()));
}

/// Long enough for a stream that need not wait to do something.
fn a_while() {
    thread::sleep(Duration::from_millis(40));
}

#[test]
fn a_stream_is_in_order_and_goes_on_by_itself() {
    context();
    let (stream, log) = (stream(1), log());
    let gate = Gate::close(stream);
    for number in 0..100 {
        note_in(stream, log, number);
    }
    gives!(CUDA_ERROR_NOT_READY, cuStreamQuery(stream));
    a_while();
    assert!(log.lock().unwrap().is_empty());
    gate.open();
    ok!(cuStreamSynchronize(stream));
    ok!(cuStreamQuery(stream));
    assert_eq!(*log.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[test]
fn streams_do_not_wait_for_each_other() {
    context();
    let (one, other, log) = (stream(0), stream(0), log());
    let gate = Gate::close(one);
    note_in(one, log, 1);
    note_in(other, log, 2);
    ok!(cuStreamSynchronize(other));
    assert_eq!(*log.lock().unwrap(), [2]);
    gate.open();
    ok!(cuCtxSynchronize());
    assert_eq!(*log.lock().unwrap(), [2, 1]);
}

#[test]
fn the_default_stream_and_blocking_streams_wait_for_each_other() {
    context();
    let (blocking, other, free, log) = (stream(0), stream(0), stream(1), log());
    let gate = Gate::close(blocking);
    note_in(blocking, log, 1);
    note_in(null_mut(), log, 2);
    note_in(other, log, 3);
    note_in(free, log, 4);
    a_while();
    assert_eq!(*log.lock().unwrap(), [4], "only the one that does not block");
    gives!(CUDA_ERROR_NOT_READY, cuStreamQuery(null_mut()));
    gate.open();
    ok!(cuStreamSynchronize(other));
    assert_eq!(*log.lock().unwrap(), [4, 1, 2, 3]);
    // And the default stream waits when it is waited for, even if nothing is in it.
    let gate = Gate::close(blocking);
    gives!(CUDA_ERROR_NOT_READY, cuStreamQuery(null_mut()));
    note_in(blocking, log, 5);
    gate.open();
    // The same stream, by its name.
    ok!(cuStreamSynchronize(without_provenance_mut(1)));
    assert_eq!(log.lock().unwrap().last(), Some(&5));
}

/// A copy that blocks is work in the default stream.
#[test]
fn copies_that_block_come_after_blocking_streams() {
    context();
    let (blocking, address) = (stream(0), allocate(4));
    let gate = Gate::close(blocking);
    ok!(cuMemsetD32Async(address, 0x0101_0101, 1, blocking));
    let thread = thread::spawn(move || {
        a_while();
        gate.open();
    });
    assert_eq!(read(address, 4), [1; 4]);
    thread.join().unwrap();
}

#[test]
fn each_thread_has_a_default_stream_of_its_own() {
    let (device, _) = context();
    let per_thread = 2_usize;
    let log = log();
    let gate = Gate::close(without_provenance_mut(per_thread));
    note_in(without_provenance_mut(per_thread), log, 1);
    thread::spawn(move || {
        context_on(device);
        let stream = without_provenance_mut(per_thread);
        note_in(stream, log, 2);
        ok!(cuStreamSynchronize(stream));
    })
    .join()
    .unwrap();
    assert_eq!(*log.lock().unwrap(), [2]);
    gate.open();
    ok!(cuCtxSynchronize());
}

#[test]
fn a_stream_waits_for_events_of_others_and_other_devices() {
    let there = device("sm_90");
    let there_context = context_on(there);
    let (far, far_event) = (stream(1), event(2));
    let (_, here_context) = context();
    let (near, log) = (stream(1), log());
    // An event that was never recorded holds nobody up.
    ok!(cuStreamWaitEvent(near, far_event, 0));
    ok!(cuStreamSynchronize(near));
    ok!(cuCtxSetCurrent(there_context));
    let gate = Gate::close(far);
    note_in(far, log, 1);
    ok!(cuEventRecord(far_event, far));
    ok!(cuCtxSetCurrent(here_context));
    ok!(cuStreamWaitEvent(near, far_event, 0));
    note_in(near, log, 2);
    a_while();
    assert!(log.lock().unwrap().is_empty());
    gives!(CUDA_ERROR_INVALID_VALUE, cuStreamWaitEvent(near, far_event, 0x40));
    gate.open();
    ok!(cuStreamSynchronize(near));
    assert_eq!(*log.lock().unwrap(), [1, 2]);
}

/// A wait is for what was recorded when it was submitted.
#[test]
fn a_later_record_changes_no_earlier_wait() {
    context();
    let (one, other, mark) = (stream(1), stream(1), event(2));
    ok!(cuEventRecord(mark, one));
    ok!(cuStreamWaitEvent(other, mark, 0));
    let gate = Gate::close(one);
    ok!(cuEventRecord(mark, one));
    ok!(cuStreamSynchronize(other));
    gives!(CUDA_ERROR_NOT_READY, cuEventQuery(mark));
    gate.open();
}

#[test]
fn a_destroyed_stream_does_what_it_has_and_is_gone() {
    context();
    let (stream, log) = (stream(0), log());
    let gate = Gate::close(stream);
    note_in(stream, log, 1);
    ok!(cuStreamDestroy_v2(stream));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy_v2(stream));
    gate.open();
    for _ in 0..200 {
        if !log.lock().unwrap().is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the work of a destroyed stream was not done");
}

#[test]
fn streams_are_made_with_known_flags() {
    context();
    let mut stream = null_mut();
    gives!(CUDA_ERROR_INVALID_VALUE, cuStreamCreateWithPriority(&mut stream, 2, 0));
    gives!(CUDA_ERROR_INVALID_VALUE, cuStreamCreateWithPriority(null_mut(), 0, 0));
    // Priorities are cut to the range.
    for priority in [-100, -1, 0, 100] {
        ok!(cuStreamCreateWithPriority(&mut stream, 1, priority));
    }
    // An event is no stream.
    let mark = event(0);
    gives!(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(mark.cast()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuLaunchHostFunc(stream, None, null_mut()));
}

#[test]
fn functions_that_streams_call_must_not_call_the_driver() {
    static RESULT: AtomicU32 = AtomicU32::new(u32::MAX);
    unsafe extern "C" fn call(_: *mut c_void) {
        let mut address = 0;
        // SAFETY: there is room for the address.
        let result = unsafe { (api().cuMemAlloc_v2)(&mut address, 64) };
        RESULT.store(result.number(), Ordering::Relaxed);
    }
    context();
    ok!(cuLaunchHostFunc(null_mut(), Some(call), null_mut()));
    ok!(cuCtxSynchronize());
    assert_eq!(RESULT.load(Ordering::Relaxed), CUDA_ERROR_NOT_PERMITTED as u32);
    let _ = cuda!(cuCtxSynchronize());
}

/// Work goes to the stream's context, but kernels and events only if that is theirs.
#[test]
fn a_copy_may_go_to_a_stream_of_another_context() {
    let there = device("sm_90");
    context_on(there);
    let (far, far_event) = (stream(1), event(0));
    context();
    let address = allocate(4);
    let near_event = event(0);
    ok!(cuMemsetD32Async(address, 7, 1, far));
    ok!(cuStreamSynchronize(far));
    assert_eq!(read(address, 4), [7, 0, 0, 0]);
    gives!(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(near_event, far));
    ok!(cuEventRecord(far_event, far));
    ok!(cuEventSynchronize(far_event));
}
