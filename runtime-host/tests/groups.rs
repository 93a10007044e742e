//! How the host runs groups, seen through entry functions that are written by hand: they do what device code must not, and
//! outside of `#[kernel]` the build-time check does not see them.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread::{self, ThreadId},
};

use geobacter_lang::{
    descriptor::{FloatingPoint, LaunchDescriptor},
    intrinsics::{
        __gb_group_id_x, __gb_group_id_y, __gb_group_id_z, __gb_item_begin_x, __gb_item_end_x, __gb_item_end_y,
    },
};
use geobacter_runtime_core::{LaunchError, driver::KernelInstance, launch};
use geobacter_runtime_host::device;

static FLAT: LaunchDescriptor = LaunchDescriptor {
    name: "by_hand",
    module: "groups",
    file: "groups.rs",
    params: &[],
    lds: &[],
    line: 1,
    column: 1,
    dimensions: 3,
    workgroup: [64, 2, 1],
    fp: FloatingPoint::Strict,
};

macro_rules! instance {
    ($entry:ident) => {
        KernelInstance { descriptor: &FLAT, record: geobacter_lang::instance::instance_record!($entry), entry: $entry }
    };
}

fn run(kernel: KernelInstance, grid: [u32; 3]) -> Result<(), LaunchError> {
    // SAFETY: these entry functions take no arguments.
    unsafe { launch::launch::<3, _>(&device(), grid, kernel, |_| Ok(())) }
}

fn group() -> [u32; 3] {
    // SAFETY: called in the run of a group.
    unsafe { [__gb_group_id_x(), __gb_group_id_y(), __gb_group_id_z()] }
}

#[test]
fn every_group_runs_once() {
    static SEEN: Mutex<Option<HashMap<[u32; 3], u32>>> = Mutex::new(None);
    unsafe extern "C-unwind" fn entry(_: *const u8) {
        // SAFETY: as above.
        let bounds = unsafe { (__gb_item_begin_x(), __gb_item_end_x(), __gb_item_end_y()) };
        assert_eq!(bounds, (0, 64, 2));
        *SEEN.lock().unwrap().get_or_insert_default().entry(group()).or_default() += 1;
    }
    run(instance!(entry), [64 * 100 + 1, 20, 7]).unwrap();
    let seen = SEEN.lock().unwrap().take().unwrap();
    assert_eq!(seen.len(), 101 * 10 * 7);
    assert!(seen.into_iter().all(|([x, y, z], count)| x < 101 && y < 10 && z < 7 && count == 1));
}

#[test]
fn a_single_group_runs_on_the_calling_thread() {
    static THREAD: Mutex<Option<ThreadId>> = Mutex::new(None);
    unsafe extern "C-unwind" fn entry(_: *const u8) {
        *THREAD.lock().unwrap() = Some(thread::current().id());
    }
    run(instance!(entry), [64, 2, 1]).unwrap();
    assert_eq!(*THREAD.lock().unwrap(), Some(thread::current().id()));
}

#[test]
fn a_launch_in_a_kernel_leaves_its_group_alone() {
    static SUM: AtomicU64 = AtomicU64::new(0);
    unsafe extern "C-unwind" fn inner(_: *const u8) {
        if group()[0] == 5 {
            panic!("inner")
        }
    }
    unsafe extern "C-unwind" fn outer(_: *const u8) {
        let before = group();
        let error = run(instance!(inner), [64 * 9, 1, 1]).unwrap_err();
        assert!(error.to_string().ends_with("of work-group [5, 0, 0]: inner"), "{error}");
        assert_eq!(group(), before);
        SUM.fetch_add(u64::from(before[0]), Ordering::Relaxed);
    }
    run(instance!(outer), [64 * 50, 1, 1]).unwrap();
    assert_eq!(SUM.load(Ordering::Relaxed), 49 * 50 / 2);
}

#[test]
fn after_a_panic_no_new_group_starts() {
    static RAN: AtomicU32 = AtomicU32::new(0);
    unsafe extern "C-unwind" fn entry(_: *const u8) {
        RAN.fetch_add(1, Ordering::Relaxed);
        panic!("at once {}", 1 + 1);
    }
    let error = run(instance!(entry), [1 << 20, 1, 1]).unwrap_err();
    let LaunchError::Panicked { panic, .. } = error else { panic!("{error}") };
    assert_eq!(panic.message, "at once 2");
    assert!(panic.location.unwrap().file.ends_with("groups.rs"));
    // Each thread may be in one group when the first panics.
    assert!(RAN.load(Ordering::Relaxed) <= 2 * thread::available_parallelism().unwrap().get() as u32);
}
