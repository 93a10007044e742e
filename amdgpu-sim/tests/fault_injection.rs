//! HSA functions that fail on demand: which call it is, who sees it, and a walk over all places that can fail.
//!
//! Injections are for the whole process, so each test here has functions of its own, or its own thread's calls, or a
//! lock.

mod support;

use std::{ffi::c_void, ptr::null_mut, sync::Mutex, thread};

use amdgpu_sim::injection::{COPY_ENGINE, Injection, InjectionError, calls, walk};
use hsa_rt_sys::*;
use support::{Buffer, agents, api, pools, signal, wait_below};

/// Held by tests that allocate.
static ALLOCATIONS: Mutex<()> = Mutex::new(());

const REFUSED: hsa_status_t = HSA_STATUS_ERROR_OUT_OF_RESOURCES;

/// Calls a function that does nothing of note.
fn query() -> hsa_status_t {
    let mut ticks = 0_u64;
    // SAFETY: HSA's contract.
    unsafe { (api().hsa_system_get_info)(HSA_SYSTEM_INFO_TIMESTAMP, (&raw mut ticks).cast()) }
}

#[test]
fn the_nth_call_fails_and_no_other() {
    let injection = Injection::in_this_thread(&["hsa_system_get_info"], 3, HSA_STATUS_ERROR_FATAL).unwrap();
    let before = calls("hsa_system_get_info").unwrap();
    assert_eq!([query(), query()], [HSA_STATUS_SUCCESS; 2]);
    assert!(!injection.happened());
    assert_eq!(query(), HSA_STATUS_ERROR_FATAL);
    assert_eq!(amdgpu_sim::last_error().unwrap(), "an injected failure of hsa_system_get_info");
    assert!(injection.happened());
    assert_eq!([query(), query()], [HSA_STATUS_SUCCESS; 2]);
    assert_eq!(injection.seen(), 5);
    assert!(calls("hsa_system_get_info").unwrap() >= before + 5);
}

#[test]
fn injections_end_count_and_are_for_their_thread() {
    let name = ["hsa_system_get_info"];
    let first = Injection::in_this_thread(&name, 2, REFUSED).unwrap();
    let second = Injection::in_this_thread(&name, 3, HSA_STATUS_ERROR).unwrap();
    let third = Injection::in_this_thread(&name, 4, HSA_STATUS_ERROR).unwrap();
    assert_eq!(thread::spawn(|| [query(), query(), query()]).join().unwrap(), [HSA_STATUS_SUCCESS; 3]);
    assert_eq!([query(), query(), query()], [HSA_STATUS_SUCCESS, REFUSED, HSA_STATUS_ERROR]);
    drop(third);
    assert_eq!(query(), HSA_STATUS_SUCCESS, "its end came before its call");
    assert_eq!((first.seen(), second.seen()), (4, 4));
}

#[test]
fn of_many_threads_calls_exactly_one_fails() {
    let gpu = agents()[1];
    let mut name = [0_u8; 64];
    let mut ask = move || {
        // SAFETY: names have 64 bytes.
        unsafe { (api().hsa_agent_get_info)(gpu, HSA_AGENT_INFO_NAME, name.as_mut_ptr().cast()) }
    };
    let injection = Injection::new(&["hsa_agent_get_info"], 1000, REFUSED).unwrap();
    let threads: Vec<_> =
        (0..4).map(|_| thread::spawn(move || (0..500).filter(|_| ask() == REFUSED).count())).collect();
    assert_eq!(threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>(), 1);
    assert!(injection.happened() && injection.seen() == 2000);
}

#[test]
fn injections_that_cannot_be_are_refused() {
    let error = |name: &str, status| Injection::new(&["hsa_init", name], 1, status).unwrap_err();
    assert_eq!(error("hsa_nothing", REFUSED), InjectionError::UnknownFunction("hsa_nothing".to_owned()));
    assert_eq!(error("hsa_signal_load_relaxed", REFUSED), InjectionError::CannotFail("hsa_signal_load_relaxed"));
    assert_eq!(error("hsa_signal_store_relaxed", REFUSED), InjectionError::CannotFail("hsa_signal_store_relaxed"));
    assert_eq!(error("hsa_shut_down", HSA_STATUS_SUCCESS), InjectionError::Success);
    assert_eq!(calls("hsa_nothing"), Err(InjectionError::UnknownFunction("hsa_nothing".to_owned())));
    // What cannot fail can be counted.
    let cell = signal(1);
    let before = calls("hsa_signal_load_relaxed").unwrap();
    // SAFETY: HSA's contract.
    unsafe { (api().hsa_signal_load_relaxed)(cell) };
    assert_eq!(calls("hsa_signal_load_relaxed").unwrap(), before + 1);
}

/// What a program may do at its start: take three things, and give back what it has when one is not to be had.
fn take_and_give_back() -> Result<(), hsa_status_t> {
    struct Memory(*mut c_void);
    impl Drop for Memory {
        fn drop(&mut self) {
            // SAFETY: allocated below.
            assert_eq!(unsafe { (api().hsa_amd_memory_pool_free)(self.0) }, HSA_STATUS_SUCCESS);
        }
    }
    let check = |status| if status == HSA_STATUS_SUCCESS { Ok(()) } else { Err(status) };
    let allocate = || {
        let mut memory = null_mut();
        // SAFETY: HSA's contract.
        check(unsafe { (api().hsa_amd_memory_pool_allocate)(pools(agents()[2])[0], 4096, 0, &mut memory) })?;
        Ok::<_, hsa_status_t>(Memory(memory))
    };
    let _first = allocate()?;
    let _second = allocate()?;
    let mut queue = null_mut();
    // SAFETY: HSA's contract.
    unsafe {
        let create = api().hsa_queue_create;
        check(create(agents()[2], 64, HSA_QUEUE_TYPE_MULTI, None, null_mut(), 0, 0, &mut queue))?;
        check((api().hsa_queue_destroy)(queue))
    }
}

#[test]
fn a_walk_fails_every_place_once() {
    let _alone = ALLOCATIONS.lock();
    let mut results = Vec::new();
    let functions = ["hsa_amd_memory_pool_allocate", "hsa_queue_create"];
    let failures = walk(&functions, REFUSED, |nth| results.push((nth, take_and_give_back()))).unwrap();
    assert_eq!(failures, 3);
    assert_eq!(results, [(1, Err(REFUSED)), (2, Err(REFUSED)), (3, Err(REFUSED)), (4, Ok(()))]);
}

#[test]
fn a_copy_fails_after_it_was_submitted() {
    let _alone = ALLOCATIONS.lock();
    let (from, to) = (Buffer::of(pools(agents()[0])[0], &[7_u32]), Buffer::of(pools(agents()[0])[0], &[0_u32]));
    let gpu = agents()[1];
    let injection = Injection::new(&[COPY_ENGINE], 2, REFUSED).unwrap();
    let copy = || {
        let done = signal(1);
        let (to, from) = (to.address.cast(), from.address.cast());
        // SAFETY: HSA's contract.
        let status = unsafe { (api().hsa_amd_memory_async_copy)(to, gpu, from, gpu, 4, 0, std::ptr::null(), done) };
        assert_eq!(status, HSA_STATUS_SUCCESS);
        wait_below(done, 1)
    };
    assert_eq!([copy(), copy(), copy()], [0, -1, 0]);
    assert!(injection.happened());
}
