//! What a kernel asks its device, as foreign functions.
//!
//! Foreign, so that they survive rustc's inlining and stand in the bitcode as calls: the respool step replaces them by the
//! device's instructions, and `geobacter-runtime-host` defines them for the host. Users never call them.
//!
//! # Safety
//! All but checked mode's are `unsafe` to call: a barrier in item scope, an item's id at group scope or memory given back too early break
//! the language's rules. The caller is the language itself, and each call names the rule that allows it.

use crate::{check::Access, descriptor::LaunchDescriptor};

/// Size of a `T` in bytes, for the intrinsics that give memory.
///
/// # Panics
/// At compile time, if it does not fit.
#[doc(hidden)]
pub const fn size<T>() -> u32 {
    assert!(size_of::<T>() <= i32::MAX as usize, "no device has that much memory for a work-group or an item");
    size_of::<T>() as u32
}

/// [`__gb_platform`] on the host.
pub const PLATFORM_HOST: u32 = 0;
/// [`__gb_platform`] on AMD GPUs.
pub const PLATFORM_AMD_GPU: u32 = 1;
/// [`__gb_platform`] on NVIDIA GPUs.
pub const PLATFORM_NVIDIA_GPU: u32 = 2;

/// Lanes of a wave on the host, where one call runs all of them: as many 32-bit values as a vector register of most processors
/// has. A power of two, like every device's.
pub const HOST_WAVE_SIZE: u32 = 8;

#[expect(improper_ctypes, reason = "both sides are Rust of one toolchain; the descriptor's strings never reach C")]
unsafe extern "C" {
    /// First item that this call runs, along x, in its group. Host: 0. GPU: the item's id.
    pub fn __gb_item_begin_x() -> u32;
    /// As [`__gb_item_begin_x`], along y.
    pub fn __gb_item_begin_y() -> u32;
    /// As [`__gb_item_begin_x`], along z.
    pub fn __gb_item_begin_z() -> u32;
    /// One past the last item that this call runs, along x, in its group. Host: the group's size. GPU: the item's id + 1.
    pub fn __gb_item_end_x() -> u32;
    /// As [`__gb_item_end_x`], along y.
    pub fn __gb_item_end_y() -> u32;
    /// As [`__gb_item_end_x`], along z.
    pub fn __gb_item_end_z() -> u32;
    /// The group's id along x.
    pub fn __gb_group_id_x() -> u32;
    /// The group's id along y.
    pub fn __gb_group_id_y() -> u32;
    /// The group's id along z.
    pub fn __gb_group_id_z() -> u32;
    /// Waits until every item of the group is here; what each wrote before is visible to all after. Host: nothing.
    ///
    /// # Safety
    /// At group scope only: all items of the group get here, or none (rule 4).
    pub fn __gb_barrier();
    /// A barrier that only a complete group passes: if an item of the group has not got here because it panicked, those that
    /// have end, too. Host: nothing; a panic ends the call that runs the group.
    ///
    /// # Safety
    /// As [`__gb_barrier`].
    pub fn __gb_barrier_of_all();
    /// LDS of this many bytes: each call in the source has its own, the same for every item of a group. Both arguments are
    /// constants, neither is zero. Host: memory of the thread until [`__gb_release`] or the group's end. Not initialised.
    pub fn __gb_lds(size: u32, align: u32) -> *mut u8;
    /// LDS of this many bytes for each so many items of the group, the last of which may be fewer; all calls share it: whoever uses
    /// it begins with a barrier and ends before the next call. The arguments are constants, none is zero. Not initialised.
    pub fn __gb_lds_temporary(bytes: u32, align: u32, items: u32) -> *mut u8;
    /// The LDS that the launch asked for, aligned to 16 bytes.
    pub fn __gb_lds_dynamic() -> *mut u8;
    /// Host: memory of the thread for a value of this size, which is not zero, for each item of the group, until
    /// [`__gb_release`] or the group's end. GPU: null; a call runs one item.
    pub fn __gb_private(bytes_per_item: u32, align: u32) -> *mut u8;
    /// Gives back what one of the calls above gave. GPU: nothing.
    ///
    /// # Safety
    /// `memory` is what one of them gave, it is given back once, and nobody uses it any more. (Null is nothing.)
    pub fn __gb_release(memory: *mut u8);
    /// Ties an entry function to its descriptor in the bitcode. Does nothing when it runs.
    pub fn __gb_kernel(descriptor: &'static LaunchDescriptor);
    /// Says that a panic leaves this item of the group. Called from landing pads only, so on the host only: device code
    /// does not unwind.
    pub fn __gb_item_unwinds(x: u32, y: u32, z: u32);
    /// What runs the kernel: [`PLATFORM_HOST`], [`PLATFORM_AMD_GPU`] or [`PLATFORM_NVIDIA_GPU`]. GPU: a constant.
    pub safe fn __gb_platform() -> u32;
    /// Work-items of a wave: a power of two, at most 64; [`HOST_WAVE_SIZE`] on the host. GPU: a constant.
    pub safe fn __gb_wave_size() -> u32;
    /// The value, which is the same for all lanes of the wave: said for the code generator.
    ///
    /// # Safety
    /// It is the same. This and the operations of waves below: all lanes of the wave get here, or none (rule 4); a lane that has
    /// panicked is no longer one. Sizes are in bytes, constants, and not zero; `from` and `to` are the item's own variables of
    /// that size, of which `from` may hold anything, bytes that are not initialised too. Where calls run whole groups, nobody
    /// calls these.
    pub fn __gb_wave_uniform(value: u32) -> u32;
    /// Ends the wave's run if it has fewer lanes than these here, because one panicked.
    pub fn __gb_wave_of_all(lanes: u32);
    /// A bit for each lane that is here, at the lane's number: set if its condition holds.
    pub fn __gb_wave_ballot(condition: bool) -> u64;
    /// To all lanes, what the first lane that is here has.
    pub fn __gb_wave_read_first(from: *const u8, to: *mut u8, size: u32);
    /// To all lanes, what one lane has, the same for all: one of the wave's. If it is not here, any value, which is the same
    /// for all.
    pub fn __gb_wave_read(from: *const u8, to: *mut u8, size: u32, lane: u32);
    /// To each lane, what another lane has. If that is not here, or not one of the wave, any value.
    pub fn __gb_wave_shuffle(from: *const u8, to: *mut u8, size: u32, lane: u32);
    /// As [`__gb_wave_shuffle`], from the lane whose number differs from the own one in the bits of the mask, which is less than
    /// the wave's size. Fast for a mask that is a constant.
    pub fn __gb_wave_shuffle_xor(from: *const u8, to: *mut u8, size: u32, mask: u32);
    /// Whether this launch is checked. GPU: a constant `false`.
    pub safe fn __gb_checked() -> bool;
}

#[expect(improper_ctypes, reason = "as above; a source location goes from Rust to Rust")]
unsafe extern "C-unwind" {
    /// Prints a line from this item of the group: the two words of a `core::fmt::Arguments`. GPU: a record in the launch's
    /// buffer.
    ///
    /// # Safety
    /// The words must be those of a message that lives until the call returns.
    pub fn __gb_print(x: u32, y: u32, z: u32, template: *const (), arguments: *const ());
    /// Notes an access and unwinds if it is not allowed. GPU: nothing.
    pub safe fn __gb_check_access(access: &Access);
}
