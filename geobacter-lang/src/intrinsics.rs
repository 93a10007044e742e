//! What a kernel asks its device, as foreign functions.
//!
//! Foreign, so that they survive rustc's inlining and stand in the bitcode as calls: the respool step replaces them by the
//! device's instructions, and `geobacter-runtime-host` defines them for the host. Users never call them.

use crate::descriptor::LaunchDescriptor;

#[expect(improper_ctypes, reason = "both sides are Rust of one toolchain; the descriptor's strings never reach C")]
unsafe extern "C" {
    /// First item that this call runs, along x, in its group. Host: 0. GPU: the item's id.
    pub safe fn __gb_item_begin_x() -> u32;
    /// As [`__gb_item_begin_x`], along y.
    pub safe fn __gb_item_begin_y() -> u32;
    /// As [`__gb_item_begin_x`], along z.
    pub safe fn __gb_item_begin_z() -> u32;
    /// One past the last item that this call runs, along x, in its group. Host: the group's size. GPU: the item's id + 1.
    pub safe fn __gb_item_end_x() -> u32;
    /// As [`__gb_item_end_x`], along y.
    pub safe fn __gb_item_end_y() -> u32;
    /// As [`__gb_item_end_x`], along z.
    pub safe fn __gb_item_end_z() -> u32;
    /// The group's id along x.
    pub safe fn __gb_group_id_x() -> u32;
    /// The group's id along y.
    pub safe fn __gb_group_id_y() -> u32;
    /// The group's id along z.
    pub safe fn __gb_group_id_z() -> u32;
    /// Ties an entry function to its descriptor in the bitcode. Does nothing when it runs.
    pub safe fn __gb_kernel(descriptor: &'static LaunchDescriptor);
    /// Says that a panic leaves this item of the group. Called from landing pads only, so on the host only: device code
    /// does not unwind.
    pub safe fn __gb_item_unwinds(x: u32, y: u32, z: u32);
}
