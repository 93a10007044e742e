//! The buffer into which device code prints.
//!
//! One buffer belongs to one launch of a kernel that prints, which its code object says with the symbol [`PRINTS_SYMBOL`]; its
//! device address is the hidden kernel argument `hidden_hostcall_buffer`, the slot that the AMDGPU ABI has for a service of
//! the host. A [`HEADER`] is followed by records. An item that prints adds its record's size to
//! [`RESERVED`](header::RESERVED), atomically, and has so reserved the bytes behind what was there before; if they do not all
//! lie in the buffer, it adds one to [`LOST`](header::LOST) and goes on. So records stand in the order of their reservation,
//! and whatever is lost comes after them. All bytes are zero before the launch.
//!
//! As in a [`FaultRecord`](crate::fault::FaultRecord), texts are addresses in the code object, and values are not formatted.

use crate::format::Value;

/// Symbol of a constant that the code object of a kernel has if it prints.
pub const PRINTS_SYMBOL: &str = "__geobacter_prints";

/// Size of the header in bytes.
pub const HEADER: usize = 64;

/// Offsets in the header. All fields are 64 bits wide.
pub mod header {
    /// Bytes of records that were asked for.
    pub const RESERVED: usize = 0;
    /// Bytes of records that there is room for. Written by the host.
    pub const CAPACITY: usize = 8;
    /// Lines that found no room.
    pub const LOST: usize = 16;
}

/// A line that an item prints, without its values, which follow it. Plain data, the same layout on host and device.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputRecord {
    /// Bytes of the record, with its values; 0 if it was reserved and never written.
    pub size: u32,
    /// Work-group id along x, y and z.
    pub group: [u32; 3],
    /// Work-item id in its group along x, y and z.
    pub item: [u32; 3],
    /// Nothing.
    pub reserved: u32,
    /// Address of the anchor.
    pub anchor: u64,
    /// Address of the message's bytes.
    pub message: u64,
    /// Length of the message in bytes, or [`TEMPLATE`](crate::fault::TEMPLATE).
    pub message_length: u64,
}

impl OutputRecord {
    /// Size of the record in bytes, without values.
    pub const SIZE: usize = size_of::<Self>();

    /// Size of a record with so many values, in bytes.
    pub const fn size_with(values: usize) -> usize {
        Self::SIZE + Value::SIZE * values
    }

    /// Reads a record from the device's bytes.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let double = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self {
            size: word(0),
            group: std::array::from_fn(|i| word(4 + 4 * i)),
            item: std::array::from_fn(|i| word(16 + 4 * i)),
            reserved: word(28),
            anchor: double(32),
            message: double(40),
            message_length: double(48),
        }
    }
}
