//! Signals: what changes them, and who is woken.

mod support;

use std::{
    ffi::c_void,
    thread,
    time::{Duration, Instant},
};

use hsa_rt_sys::*;
use support::{api, signal};

/// Waits for a value, for at most ten seconds.
fn wait_for(signal: hsa_signal_t, value: i64) -> i64 {
    let wait = api().hsa_signal_wait_relaxed;
    // SAFETY: HSA's contract.
    unsafe { wait(signal, HSA_SIGNAL_CONDITION_EQ, value, 10_000_000_000, HSA_WAIT_STATE_BLOCKED) }
}

#[test]
fn every_operation_does_what_its_name_says() {
    let cell = signal(5);
    // SAFETY: HSA's contract.
    unsafe {
        let api = api();
        let load = || ((api.hsa_signal_load_relaxed)(cell), (api.hsa_signal_load_scacquire)(cell));
        (api.hsa_signal_add_screlease)(cell, 7);
        assert_eq!(load(), (12, 12));
        (api.hsa_signal_subtract_screlease)(cell, 20);
        assert_eq!(load(), (-8, -8));
        assert_eq!((api.hsa_signal_exchange_scacq_screl)(cell, 3), -8);
        assert_eq!((api.hsa_signal_cas_scacq_screl)(cell, 4, 9), 3, "not what was expected");
        assert_eq!(load(), (3, 3));
        assert_eq!((api.hsa_signal_cas_scacq_screl)(cell, 3, 9), 3);
        assert_eq!(load(), (9, 9));
        (api.hsa_signal_silent_store_relaxed)(cell, 1);
        assert_eq!(load(), (1, 1));
        (api.hsa_signal_store_relaxed)(cell, i64::MAX);
        (api.hsa_signal_add_screlease)(cell, 1);
        assert_eq!(load(), (i64::MIN, i64::MIN), "it wraps");
        assert_eq!((api.hsa_signal_destroy)(cell), HSA_STATUS_SUCCESS);
    }
}

#[test]
fn every_change_wakes_who_sleeps() {
    // SAFETY: HSA's contract.
    let changes: [fn(hsa_signal_t); 5] = [
        |signal| unsafe { (api().hsa_signal_store_relaxed)(signal, 4) },
        |signal| unsafe { (api().hsa_signal_add_screlease)(signal, 4) },
        |signal| unsafe { (api().hsa_signal_subtract_screlease)(signal, -4) },
        |signal| assert_eq!(unsafe { (api().hsa_signal_exchange_scacq_screl)(signal, 4) }, 0),
        |signal| assert_eq!(unsafe { (api().hsa_signal_cas_scacq_screl)(signal, 0, 4) }, 0),
    ];
    for change in changes {
        let cell = signal(0);
        let waiter = thread::spawn(move || (wait_for(cell, 4), Instant::now()));
        thread::sleep(Duration::from_millis(30));
        let changed = Instant::now();
        change(cell);
        let (value, woken) = waiter.join().unwrap();
        assert_eq!(value, 4);
        assert!(woken - changed < Duration::from_secs(5), "it was woken, and did not wait for its time-out");
    }
}

/// Two threads take turns, each asleep until the other one has changed the signal: a wake that is lost ends this test.
#[test]
fn no_wake_is_lost() {
    const TURNS: i64 = 30_000;
    let cells = [signal(0), signal(0)];
    let player = |me: usize| {
        move || {
            for turn in 1..=TURNS {
                if me == 1 {
                    assert_eq!(wait_for(cells[0], turn), turn);
                }
                // SAFETY: HSA's contract.
                unsafe { (api().hsa_signal_store_screlease)(cells[me], turn) };
                if me == 0 {
                    assert_eq!(wait_for(cells[1], turn), turn);
                }
            }
        }
    };
    let threads = [thread::spawn(player(0)), thread::spawn(player(1))];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn signals_come_and_go_while_others_wait() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                for round in 0..2000 {
                    let cell = signal(round);
                    let waiter = thread::spawn(move || wait_for(cell, -1));
                    // SAFETY: HSA's contract; that it is waited for is the test's point.
                    unsafe {
                        if round % 2 == 0 {
                            (api().hsa_signal_store_screlease)(cell, -1);
                            assert_eq!(waiter.join().unwrap(), -1);
                            assert_eq!((api().hsa_signal_destroy)(cell), HSA_STATUS_SUCCESS);
                        } else {
                            assert_eq!((api().hsa_signal_destroy)(cell), HSA_STATUS_SUCCESS);
                            // Its last value, or 0 if it was gone before the wait began.
                            let value = waiter.join().unwrap();
                            assert!(value == round || value == 0, "{value} of {round}");
                        }
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Adds 5 to a signal, leaves the number of its interrupt in its mailbox, and sends it.
const TELLS: &str = "
    s_load_dwordx2 s[4:5], s[0:1], 0x0
    v_mov_b32 v0, 0
    v_mov_b32 v2, 5
    v_mov_b32 v3, 0
    s_waitcnt lgkmcnt(0)
    global_atomic_add_x2 v0, v[2:3], s[4:5] offset:8
    s_load_dwordx2 s[6:7], s[4:5], 0x10
    s_load_dword s8, s[4:5], 0x18
    s_waitcnt lgkmcnt(0)
    v_mov_b32 v4, s8
    v_mov_b32 v5, 0
    global_store_dwordx2 v0, v[4:5], s[6:7]
    s_waitcnt vmcnt(0)
    s_mov_b32 m0, s8
    s_sendmsg sendmsg(MSG_INTERRUPT)
    s_endpgm
";

unsafe extern "C" fn pass_on(value: hsa_signal_value_t, data: *mut c_void) -> bool {
    // SAFETY: the test gives a signal.
    unsafe { (api().hsa_signal_add_screlease)(*data.cast::<hsa_signal_t>(), value) };
    false
}

#[test]
fn kernels_change_signals_and_wake_who_waits() {
    if !support::have_llvm() {
        return;
    }
    let program = support::Program::new(&support::assemble(&support::kernel(TELLS)));
    let (told, mut handled) = (signal(0), signal(0));
    let others = amdgpu_sim::other_hsa_api();
    thread::scope(|scope| {
        // Each sleeps when the kernel runs, and has no other way to hear of it.
        let waits = scope.spawn(|| {
            // SAFETY: HSA's contract.
            unsafe {
                (api().hsa_signal_wait_scacquire)(
                    told,
                    HSA_SIGNAL_CONDITION_NE,
                    0,
                    20_000_000_000,
                    HSA_WAIT_STATE_BLOCKED,
                )
            }
        });
        let waits_for_any = scope.spawn(|| {
            let (mut signals, mut conditions, mut values) = ([told], [HSA_SIGNAL_CONDITION_GTE], [5]);
            let mut found = 0;
            // SAFETY: HSA's contract: one of each.
            let index = unsafe {
                let wait = others.hsa_amd_signal_wait_any;
                let (signals, conditions, values) =
                    (signals.as_mut_ptr(), conditions.as_mut_ptr(), values.as_mut_ptr());
                wait(1, signals, conditions, values, 20_000_000_000, HSA_WAIT_STATE_BLOCKED, &mut found)
            };
            (index, found)
        });
        // SAFETY: HSA's contract; the signal for the handler lives until it was called.
        let status = unsafe {
            let data = (&raw mut handled).cast();
            (api().hsa_amd_signal_async_handler)(told, HSA_SIGNAL_CONDITION_EQ, 5, Some(pass_on), data)
        };
        assert_eq!(status, HSA_STATUS_SUCCESS);
        thread::sleep(Duration::from_millis(50));
        let began = Instant::now();
        program.launch("k", &[told.handle], support::Shape::linear(1, 1)).unwrap();
        assert_eq!(waits.join().unwrap(), 5);
        assert_eq!(waits_for_any.join().unwrap(), (0, 5));
        // SAFETY: HSA's contract.
        let value = unsafe {
            let wait = api().hsa_signal_wait_scacquire;
            wait(handled, HSA_SIGNAL_CONDITION_EQ, 5, 20_000_000_000, HSA_WAIT_STATE_BLOCKED)
        };
        assert_eq!(value, 5);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    });
}
