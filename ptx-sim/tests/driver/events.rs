//! Events.

use std::{ptr::null_mut, thread, time::Duration};

use geobacter_cuda_driver::sys::CUresult::*;

use crate::support::{Gate, context, event, gives, ok, stream};

#[test]
fn an_event_is_what_was_in_the_stream() {
    context();
    let (stream, mark) = (stream(1), event(2));
    ok!(cuEventQuery(mark));
    ok!(cuEventSynchronize(mark));
    let gate = Gate::close(stream);
    ok!(cuEventRecord(mark, stream));
    gives!(CUDA_ERROR_NOT_READY, cuEventQuery(mark));
    let thread = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        gate.open();
    });
    ok!(cuEventSynchronize(mark));
    ok!(cuEventQuery(mark));
    thread.join().unwrap();
    ok!(cuEventDestroy_v2(mark));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuEventQuery(mark));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuEventDestroy_v2(mark));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(mark, stream));
}

#[test]
fn times_between_events_are_those_of_the_work() {
    context();
    let (stream, start, end) = (stream(1), event(0), event(0));
    let mut time = -1.0;
    gives!(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&mut time, start, end));
    ok!(cuEventRecord(start, stream));
    let gate = Gate::close(stream);
    ok!(cuEventRecord(end, stream));
    gives!(CUDA_ERROR_NOT_READY, cuEventElapsedTime(&mut time, start, end));
    ok!(cuEventSynchronize(start));
    thread::sleep(Duration::from_millis(25));
    gate.open();
    ok!(cuEventSynchronize(end));
    ok!(cuEventElapsedTime(&mut time, start, end));
    assert!((24.0..60_000.0).contains(&time), "{time} ms");
    let mut back = 0.0;
    ok!(cuEventElapsedTime(&mut back, end, start));
    assert_eq!(back, -time);
    gives!(CUDA_ERROR_INVALID_VALUE, cuEventElapsedTime(null_mut(), start, end));
    let untimed = event(2);
    ok!(cuEventRecord(untimed, stream));
    ok!(cuEventSynchronize(untimed));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&mut time, start, untimed));
}

#[test]
fn events_are_made_with_known_flags() {
    context();
    let mut made = null_mut();
    gives!(CUDA_ERROR_INVALID_VALUE, cuEventCreate(&mut made, 8));
    gives!(CUDA_ERROR_INVALID_VALUE, cuEventCreate(&mut made, 4));
    gives!(CUDA_ERROR_NOT_SUPPORTED, cuEventCreate(&mut made, 4 | 2));
    gives!(CUDA_ERROR_INVALID_VALUE, cuEventCreate(null_mut(), 0));
    ok!(cuEventCreate(&mut made, 1 | 2));
}
