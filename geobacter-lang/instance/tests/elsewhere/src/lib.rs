//! Kernels of another crate, for the tests of `geobacter-instance`.

use core::hint::black_box;

use geobacter_instance::{InstanceId, InstanceRecord, instance_of, instance_record};

/// A kernel.
///
/// # Safety
/// It does nothing.
#[inline(never)]
pub unsafe extern "C-unwind" fn plain(_kernarg: *const u8) {
    black_box("elsewhere::plain");
}

/// A generic kernel.
///
/// # Safety
/// It does nothing.
#[inline(never)]
pub unsafe extern "C-unwind" fn generic<T>(_kernarg: *const u8) {
    black_box(("elsewhere::generic", size_of::<T>()));
}

/// The record that this crate makes of its kernel.
#[inline(never)]
pub fn plain_record() -> &'static InstanceRecord {
    instance_record!(plain)
}

/// The record of whoever instantiates it.
#[inline(never)]
pub fn generic_record<T>() -> &'static InstanceRecord {
    instance_record!(generic::<T>)
}

/// The id of an instance, as this crate names it.
pub fn id_of_this_crates_instance() -> InstanceId {
    instance_of!(generic::<[u8; 5]>)
}

/// The record of that instance.
pub fn record_of_this_crates_instance() -> &'static InstanceRecord {
    generic_record::<[u8; 5]>()
}
