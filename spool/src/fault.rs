//! The record that device code writes when a kernel panics.
//!
//! One record belongs to one launch. The host clears it before the launch and passes its device address as the hidden
//! kernel argument `hidden_printf_buffer`, the slot that the AMDGPU ABI has for a device-to-host record. Each item that
//! panics adds one to [`FaultRecord::panicked`], atomically; the one that found 0 there fills the rest; and all of them end
//! their program. Items that panic at different places of one wave are not all counted: the first of these places ends it.
//!
//! Strings are not copied on the device. [`FaultRecord::location`] and [`FaultRecord::message`] are distances from the
//! code object's anchor symbol ([`ANCHOR_SYMBOL`]), which the host resolves in the ELF file that it loaded.

/// Symbol of the constant whose address the distances in a [`FaultRecord`] count from.
pub const ANCHOR_SYMBOL: &str = "__geobacter_anchor";

/// The distance that says "none".
pub const NO_ADDRESS: i64 = i64::MIN;

/// What a kernel leaves behind when it panics. Plain data, the same layout on host and device.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// Items that have panicked, as far as they were counted.
    pub panicked: u32,
    /// A [`FaultKind`] number.
    pub kind: u32,
    /// Distance from the anchor to the `core::panic::Location`, or [`NO_ADDRESS`].
    pub location: i64,
    /// Distance from the anchor to the message's bytes, or [`NO_ADDRESS`].
    pub message: i64,
    /// Length of the message in bytes. For [`FaultKind::Format`] unused: the template ends itself.
    pub message_length: u64,
    /// For [`FaultKind::Bounds`]: index and length. Otherwise 0.
    pub values: [u64; 2],
    /// Work-group id along x, y and z.
    pub group: [u32; 3],
    /// Work-item id in its group along x, y and z.
    pub item: [u32; 3],
}

impl FaultRecord {
    /// The record of a launch in which no item has panicked.
    pub const CLEAR: Self = Self {
        panicked: 0,
        kind: 0,
        location: NO_ADDRESS,
        message: NO_ADDRESS,
        message_length: 0,
        values: [0; 2],
        group: [0; 3],
        item: [0; 3],
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
        put(&self.location.to_le_bytes());
        put(&self.message.to_le_bytes());
        put(&self.message_length.to_le_bytes());
        self.values.iter().for_each(|value| put(&value.to_le_bytes()));
        self.group.iter().chain(&self.item).for_each(|value| put(&value.to_le_bytes()));
        bytes
    }

    /// Reads a record from the device's bytes.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let double = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self {
            panicked: word(0),
            kind: word(4),
            location: double(8) as i64,
            message: double(16) as i64,
            message_length: double(24),
            values: [double(32), double(40)],
            group: std::array::from_fn(|i| word(48 + 4 * i)),
            item: std::array::from_fn(|i| word(60 + 4 * i)),
        }
    }
}

/// What sort of panic it was, which says how the message is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FaultKind {
    /// `message` holds text.
    Text = 1,
    /// `message` holds a `core::fmt` template: pieces of text with place-holders.
    Format = 2,
    /// An index out of bounds; `values` are index and length.
    Bounds = 3,
}

impl FaultKind {
    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Text,
            2 => Self::Format,
            3 => Self::Bounds,
            _ => return None,
        })
    }
}
