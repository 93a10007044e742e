//! The record that device code writes when a kernel panics.
//!
//! One record belongs to one launch. The host clears it before the launch and passes its device address as the hidden
//! kernel argument `hidden_printf_buffer`, the slot that the AMDGPU ABI has for a device-to-host record. Each item that
//! panics adds one to [`FaultRecord::panicked`], atomically; the one that found 0 there fills the rest; and all of them end
//! their program. Items that panic at different places of one wave are not all counted: the first of these places ends it.
//!
//! Strings are not copied on the device. Their addresses in the record lie in the loaded code object, as does that of the
//! anchor symbol ([`ANCHOR_SYMBOL`]): the host follows the distance between them in the ELF file that it loaded. Values are
//! not formatted, either: see [`format`](mod@crate::format).

use crate::format::{MAX_VALUES, Value};

/// Symbol of the constant from which the host counts the distances of addresses in a [`FaultRecord`].
pub const ANCHOR_SYMBOL: &str = "__geobacter_anchor";

/// The address that says "none".
pub const NO_ADDRESS: u64 = 0;

/// The length of a message that is a `core::fmt` template, which ends itself.
pub const TEMPLATE: u64 = u64::MAX;

/// What a kernel leaves behind when it panics. Plain data, the same layout on host and device.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// Items that have panicked, as far as they were counted.
    pub panicked: u32,
    /// A [`FaultKind`] number.
    pub kind: u32,
    /// Address of the anchor.
    pub anchor: u64,
    /// Address of the `core::panic::Location`, or [`NO_ADDRESS`].
    pub location: u64,
    /// Address of the message's bytes, or [`NO_ADDRESS`].
    pub message: u64,
    /// Length of the message in bytes, or [`TEMPLATE`].
    pub message_length: u64,
    /// Work-group id along x, y and z.
    pub group: [u32; 3],
    /// Work-item id in its group along x, y and z.
    pub item: [u32; 3],
    /// The values that the kind has, then the message's own. Those that it has not are of an earlier launch.
    pub values: [Value; MAX_VALUES],
}

impl FaultRecord {
    /// The record of a launch in which no item has panicked.
    pub const CLEAR: Self = Self {
        panicked: 0,
        kind: 0,
        anchor: 0,
        location: NO_ADDRESS,
        message: NO_ADDRESS,
        message_length: 0,
        group: [0; 3],
        item: [0; 3],
        values: [Value { bytes: [0; 2], formatter: 0, reserved: 0 }; MAX_VALUES],
    };
    /// Size of the record in bytes.
    pub const SIZE: usize = size_of::<Self>();

    /// The record as bytes, in the device's (little-endian) order.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&self.panicked.to_le_bytes());
        put(&self.kind.to_le_bytes());
        put(&self.anchor.to_le_bytes());
        put(&self.location.to_le_bytes());
        put(&self.message.to_le_bytes());
        put(&self.message_length.to_le_bytes());
        self.group.iter().chain(&self.item).for_each(|value| put(&value.to_le_bytes()));
        self.values.iter().for_each(|value| put(&value.to_bytes()));
        bytes
    }

    /// Reads a record from the device's bytes.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let double = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self {
            panicked: word(0),
            kind: word(4),
            anchor: double(8),
            location: double(16),
            message: double(24),
            message_length: double(32),
            group: std::array::from_fn(|i| word(40 + 4 * i)),
            item: std::array::from_fn(|i| word(52 + 4 * i)),
            values: std::array::from_fn(|i| {
                Value::from_bytes(&std::array::from_fn(|byte| bytes[64 + Value::SIZE * i + byte]))
            }),
        }
    }
}

/// What sort of panic it was, which says how the message is to be read and what the first values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FaultKind {
    /// The message says all.
    Message = 1,
    /// `Result::unwrap` or `expect`: the message, and the value of the error.
    Unwrap = 2,
    /// An index out of bounds: index and length. Without a message, as all kinds whose values are numbers: `usize`, whose
    /// formatter is not given.
    Bounds = 3,
    /// A range that does not lie in a slice: start, end and the slice's length.
    SliceRange = 4,
    /// `copy_from_slice`: length of the destination and of the source.
    CopyLengths = 5,
    /// `assert_eq!`: both values; the message, if there is one, is what the user adds.
    AssertEqual = 8,
    /// `assert_ne!`: the same.
    AssertDifferent = 9,
    /// An assertion that a value matches a pattern: value and pattern; the message as before.
    AssertMatches = 10,
}

impl FaultKind {
    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Message,
            2 => Self::Unwrap,
            3 => Self::Bounds,
            4 => Self::SliceRange,
            5 => Self::CopyLengths,
            8 => Self::AssertEqual,
            9 => Self::AssertDifferent,
            10 => Self::AssertMatches,
            _ => return None,
        })
    }
}
