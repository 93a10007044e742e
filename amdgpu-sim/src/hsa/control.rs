//! A queue's control block, `amd_queue_t`: what a program has the address of, and the functions for its indices.
//!
//! An index of a queue that is not live is 0, and cannot be changed; [`last_error`](super::last_error) says so.

use std::{
    cell::UnsafeCell,
    mem::offset_of,
    ptr::addr_of,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use hsa_rt_sys::*;

use super::{
    arena::{Arena, Slot},
    state::fail,
};

/// Most queues that are alive at once.
const QUEUES: usize = 8192;

static ARENA: Arena<Control> = Arena::new(QUEUES);

/// A control block, of a queue that is alive or not.
#[repr(C, align(512))]
#[derive(Debug)]
pub struct Control {
    queue: UnsafeCell<amd_queue_t>,
    /// Odd while the queue is alive.
    generation: AtomicU64,
    /// Whether the program processes the queue, and no agent.
    soft: AtomicBool,
}

// SAFETY: what others than its maker access is accessed atomically, through the methods here or by the program, as the
// HSA specification says.
unsafe impl Sync for Control {}
// SAFETY: made of integers and pointers, for which zero is a value.
unsafe impl Slot for Control {}

const _: () = assert!(offset_of!(amd_queue_t, hsa_queue) == 0, "the program's pointer is that of the control block");

impl Control {
    /// A control block with these contents, and both indices 0; `soft` for a queue that the program processes. `None` if
    /// there are too many queues.
    pub fn create(contents: amd_queue_t, soft: bool) -> Option<&'static Self> {
        let control = ARENA.take()?;
        control.soft.store(soft, Ordering::Relaxed);
        // SAFETY: nobody else has the slot yet.
        unsafe { control.queue.get().write(contents) };
        control.generation.fetch_add(1, Ordering::SeqCst);
        Some(control)
    }

    /// Takes it back. From here on it is no live queue's.
    pub fn destroy(&'static self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        ARENA.give_back(self);
    }

    /// The control block of a live queue.
    #[inline]
    pub fn find(queue: *const hsa_queue_t) -> Option<&'static Self> {
        ARENA.find(queue as u64).filter(|control| control.generation.load(Ordering::Acquire) % 2 == 1)
    }

    /// Whether the program processes the queue, and no agent.
    pub fn is_soft(&self) -> bool {
        self.soft.load(Ordering::Relaxed)
    }

    /// The address that the program has.
    pub fn address(&self) -> u64 {
        self.queue.get() as u64
    }

    /// How many packets were reserved.
    #[inline]
    pub fn write_index(&self) -> &AtomicU64 {
        // SAFETY: the slot stays; the field is aligned and only accessed atomically.
        unsafe { AtomicU64::from_ptr(addr_of!((*self.queue.get()).write_dispatch_id).cast_mut()) }
    }

    /// How many packets were processed.
    #[inline]
    pub fn read_index(&self) -> &AtomicU64 {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(addr_of!((*self.queue.get()).read_dispatch_id).cast_mut()) }
    }

    /// The queue's properties, `AMD_QUEUE_PROPERTIES_*`.
    pub fn properties(&self) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(addr_of!((*self.queue.get()).queue_properties).cast_mut().cast()) }
    }
}

/// What `use_it` makes of a live queue, and the type's default for a pointer that is none's.
#[inline]
fn with<T: Default>(queue: *const hsa_queue_t, use_it: impl FnOnce(&Control) -> T) -> T {
    match Control::find(queue) {
        Some(control) => use_it(control),
        None => {
            unknown(queue);
            T::default()
        }
    }
}

/// The error for a pointer that is no live queue's.
#[cold]
pub fn unknown(queue: *const hsa_queue_t) -> hsa_status_t {
    fail(HSA_STATUS_ERROR_INVALID_QUEUE, format!("{queue:p} is no live queue"))
}

/// Functions that read an index.
macro_rules! loads {
    ($( $index:ident $order:ident: $( $name:ident )*; )*) => { $( $(
        pub unsafe extern "C" fn $name(queue: *const hsa_queue_t) -> u64 {
            with(queue, |control| control.$index().load(Ordering::$order))
        }
    )* )* };
}

/// Functions that set the write index.
macro_rules! stores {
    ($( $order:ident: $( $name:ident )*; )*) => { $( $(
        pub unsafe extern "C" fn $name(queue: *const hsa_queue_t, value: u64) {
            with(queue, |control| control.write_index().store(value, Ordering::$order));
        }
    )* )* };
}

/// Functions that set the read index, which is the program's only in a soft queue: whoever executes packets sets it.
macro_rules! read_stores {
    ($( $order:ident: $( $name:ident )*; )*) => { $( $(
        pub unsafe extern "C" fn $name(queue: *const hsa_queue_t, value: u64) {
            with(queue, |control| {
                if control.is_soft() {
                    control.read_index().store(value, Ordering::$order);
                } else {
                    fail(HSA_STATUS_ERROR_INVALID_QUEUE, "the read index of an agent's queue is the agent's to set");
                }
            });
        }
    )* )* };
}

/// Functions that set the write index if it is the expected one, and give what was there before.
macro_rules! compare_and_swap {
    ($( $name:ident )*) => { $(
        pub unsafe extern "C" fn $name(queue: *const hsa_queue_t, expected: u64, value: u64) -> u64 {
            with(queue, |control| {
                match control.write_index().compare_exchange(expected, value, Ordering::SeqCst, Ordering::SeqCst) {
                    Ok(before) | Err(before) => before,
                }
            })
        }
    )* };
}

/// Functions that add to the write index, and give what was there before.
macro_rules! adds {
    ($( $order:ident: $( $name:ident )*; )*) => { $( $(
        pub unsafe extern "C" fn $name(queue: *const hsa_queue_t, value: u64) -> u64 {
            with(queue, |control| control.write_index().fetch_add(value, Ordering::$order))
        }
    )* )* };
}

loads! {
    read_index Relaxed: hsa_queue_load_read_index_relaxed;
    read_index SeqCst: hsa_queue_load_read_index_scacquire hsa_queue_load_read_index_acquire;
    write_index Relaxed: hsa_queue_load_write_index_relaxed;
    write_index SeqCst: hsa_queue_load_write_index_scacquire hsa_queue_load_write_index_acquire;
}

stores! {
    Relaxed: hsa_queue_store_write_index_relaxed;
    SeqCst: hsa_queue_store_write_index_screlease hsa_queue_store_write_index_release;
}

read_stores! {
    Relaxed: hsa_queue_store_read_index_relaxed;
    SeqCst: hsa_queue_store_read_index_screlease hsa_queue_store_read_index_release;
}

compare_and_swap! {
    hsa_queue_cas_write_index_scacq_screl hsa_queue_cas_write_index_acq_rel hsa_queue_cas_write_index_scacquire
    hsa_queue_cas_write_index_acquire hsa_queue_cas_write_index_relaxed hsa_queue_cas_write_index_screlease
    hsa_queue_cas_write_index_release
}

adds! {
    Relaxed: hsa_queue_add_write_index_relaxed;
    SeqCst: hsa_queue_add_write_index_scacq_screl hsa_queue_add_write_index_acq_rel
        hsa_queue_add_write_index_scacquire hsa_queue_add_write_index_acquire hsa_queue_add_write_index_screlease
        hsa_queue_add_write_index_release;
}
