//! AQL packets, as the HSA specification lays them out (*HSA Platform System Architecture Specification* 1.2, 2.9).
//!
//! A packet is 64 bytes. Its first 32 bits hold the header (type, barrier bit, fence scopes) and, in a kernel dispatch,
//! the setup; they are written last, since a valid type hands the packet to the device.

use bytemuck::{Pod, Zeroable};
use hsa_rt_sys::{self as hsa, hsa_signal_t};

/// 64 bytes as sixteen words; the first one is written last.
pub type Words = [u32; 16];

/// A packet that can be written into a ring.
pub trait Packet {
    /// Its 64 bytes.
    fn words(&self) -> Words;
}

/// Header bits: acquire and release at system scope, so that the host's and the device's writes meet at each packet.
const fn header(kind: u32, barrier: bool) -> u16 {
    ((kind << hsa::HSA_PACKET_HEADER_TYPE)
        | ((barrier as u32) << hsa::HSA_PACKET_HEADER_BARRIER)
        | (hsa::HSA_FENCE_SCOPE_SYSTEM << hsa::HSA_PACKET_HEADER_SCACQUIRE_FENCE_SCOPE)
        | (hsa::HSA_FENCE_SCOPE_SYSTEM << hsa::HSA_PACKET_HEADER_SCRELEASE_FENCE_SCOPE)) as u16
}

/// Runs a kernel over a grid.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct KernelDispatch {
    header: u16,
    /// Number of grid dimensions, in the lowest two bits.
    setup: u16,
    workgroup_size: [u16; 3],
    reserved0: u16,
    grid_size: [u32; 3],
    private_segment_size: u32,
    group_segment_size: u32,
    kernel_object: u64,
    kernarg_address: u64,
    reserved2: u64,
    completion_signal: u64,
}

/// What a [`KernelDispatch`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct KernelDispatchFields {
    /// 1, 2 or 3.
    pub dimensions: u16,
    /// Work-items of a work-group along x, y and z.
    pub workgroup: [u16; 3],
    /// Work-items of the grid along x, y and z.
    pub grid: [u32; 3],
    /// Scratch of a work-item in bytes.
    pub private_segment: u32,
    /// LDS of a work-group in bytes.
    pub group_segment: u32,
    /// The kernel object that the loader gave.
    pub kernel_object: u64,
    /// Address of the kernarg segment.
    pub kernarg: u64,
    /// Decremented when the kernel has ended.
    pub completion: hsa_signal_t,
}

impl KernelDispatch {
    /// The packet with these fields; acquires and releases at system scope.
    pub fn new(fields: &KernelDispatchFields) -> Self {
        Self {
            // What is in a queue runs one after the other: a stream is in order.
            header: header(hsa::HSA_PACKET_TYPE_KERNEL_DISPATCH, true),
            setup: fields.dimensions << hsa::HSA_KERNEL_DISPATCH_PACKET_SETUP_DIMENSIONS,
            workgroup_size: fields.workgroup,
            reserved0: 0,
            grid_size: fields.grid,
            private_segment_size: fields.private_segment,
            group_segment_size: fields.group_segment,
            kernel_object: fields.kernel_object,
            kernarg_address: fields.kernarg,
            reserved2: 0,
            completion_signal: fields.completion.handle,
        }
    }
}

impl Packet for KernelDispatch {
    fn words(&self) -> Words {
        bytemuck::cast(*self)
    }
}

/// Waits until up to five signals are zero; later packets may not start before it has ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct BarrierAnd {
    header: u16,
    reserved0: u16,
    reserved1: u32,
    dep_signal: [u64; 5],
    reserved2: u64,
    completion_signal: u64,
}

impl BarrierAnd {
    /// The most signals that one packet waits for.
    pub const SIGNALS: usize = 5;

    /// A packet that waits for these signals; a handle of 0 is none.
    ///
    /// Every field is written, the completion signal too: what an older packet left in the slot must not be signalled.
    pub fn new(wait_for: [hsa_signal_t; Self::SIGNALS], completion: Option<hsa_signal_t>) -> Self {
        Self {
            header: header(hsa::HSA_PACKET_TYPE_BARRIER_AND, true),
            reserved0: 0,
            reserved1: 0,
            dep_signal: wait_for.map(|signal| signal.handle),
            reserved2: 0,
            completion_signal: completion.map_or(0, |signal| signal.handle),
        }
    }
}

impl Packet for BarrierAnd {
    fn words(&self) -> Words {
        bytemuck::cast(*self)
    }
}

/// Asserts that a field lies where the headers' struct has it.
macro_rules! same_layout {
    ($ours:ty as $theirs:ty: $($field:ident = $their_field:ident),* $(,)?) => {
        const _: () = assert!(size_of::<$ours>() == size_of::<$theirs>() && size_of::<$ours>() == size_of::<Words>());
        const _: () = assert!(align_of::<$ours>() == align_of::<$theirs>());
        $( const _: () = assert!(
            std::mem::offset_of!($ours, $field) == std::mem::offset_of!($theirs, $their_field)
        ); )*
    };
}

same_layout! { KernelDispatch as hsa::hsa_kernel_dispatch_packet_t:
    header = header, setup = setup, workgroup_size = workgroup_size_x, reserved0 = reserved0, grid_size = grid_size_x,
    private_segment_size = private_segment_size, group_segment_size = group_segment_size,
    kernel_object = kernel_object, kernarg_address = kernarg_address, reserved2 = reserved2,
    completion_signal = completion_signal,
}
same_layout! { BarrierAnd as hsa::hsa_barrier_and_packet_t:
    header = header, reserved0 = reserved0, reserved1 = reserved1, dep_signal = dep_signal, reserved2 = reserved2,
    completion_signal = completion_signal,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(handle: u64) -> hsa_signal_t {
        hsa_signal_t { handle }
    }

    #[test]
    fn a_dispatch_reads_as_the_headers_struct() {
        let packet = KernelDispatch::new(&KernelDispatchFields {
            dimensions: 2,
            workgroup: [16, 8, 1],
            grid: [64, 32, 1],
            private_segment: 0x11,
            group_segment: 0x22,
            kernel_object: 0x1111_2222_3333_4444,
            kernarg: 0x5555_6666_7777_8888,
            completion: signal(0x9999),
        });
        // SAFETY: both types have the same size and plain fields, asserted above.
        let read: hsa::hsa_kernel_dispatch_packet_t = unsafe { std::mem::transmute(packet.words()) };
        // Type 2, barrier bit at 8, system scope (2) at bits 9 and 11.
        assert_eq!(read.header, 2 | 1 << 8 | 2 << 9 | 2 << 11);
        assert_eq!(read.setup, 2);
        assert_eq!([read.workgroup_size_x, read.workgroup_size_y, read.workgroup_size_z], [16, 8, 1]);
        assert_eq!([read.grid_size_x, read.grid_size_y, read.grid_size_z], [64, 32, 1]);
        assert_eq!((read.private_segment_size, read.group_segment_size), (0x11, 0x22));
        assert_eq!(read.kernel_object, 0x1111_2222_3333_4444);
        assert_eq!(read.kernarg_address as u64, 0x5555_6666_7777_8888);
        assert_eq!((read.reserved0, read.reserved2), (0, 0));
        assert_eq!(read.completion_signal.handle, 0x9999);
    }

    #[test]
    fn a_barrier_reads_as_the_headers_struct() {
        let packet = BarrierAnd::new([1, 2, 0, 0, 0].map(signal), None);
        // SAFETY: both types have the same size and plain fields, asserted above.
        let read: hsa::hsa_barrier_and_packet_t = unsafe { std::mem::transmute(packet.words()) };
        assert_eq!(read.header, 3 | 1 << 8 | 2 << 9 | 2 << 11);
        assert_eq!(read.dep_signal.map(|signal| signal.handle), [1, 2, 0, 0, 0]);
        assert_eq!(read.completion_signal.handle, 0);
    }
}
