//! The kernel descriptor: what a kernel wants of the device (LLVM's *User Guide for AMDGPU Backend*, "Kernel
//! Descriptor").

use super::wave::{Mode, Size};
use crate::isa::target::Target;

/// Size of a descriptor in bytes.
pub const SIZE: usize = 64;

/// A kernel descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Static LDS in bytes.
    pub group_segment_size: u32,
    /// Scratch of a work-item in bytes.
    pub private_segment_size: u32,
    /// Kernarg segment in bytes.
    pub kernarg_size: u32,
    /// Distance from the descriptor to the first instruction.
    pub entry_offset: i64,
    rsrc1: u32,
    rsrc2: u32,
    properties: u16,
    preload: u16,
}

/// What a user SGPR is set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRegister {
    /// Four words: private segment buffer.
    PrivateSegmentBuffer,
    /// Two words: address of the dispatch packet.
    DispatchPointer,
    /// Two words: address of the queue.
    QueuePointer,
    /// Two words: address of the kernarg segment.
    KernargPointer,
    /// Two words: the packet's number.
    DispatchId,
    /// Two words: flat scratch.
    FlatScratchInit,
    /// One word: scratch of a work-item in bytes.
    PrivateSegmentSize,
}

impl Descriptor {
    /// Reads a descriptor.
    pub fn from_bytes(bytes: &[u8; SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            group_segment_size: word(0),
            private_segment_size: word(4),
            kernarg_size: word(8),
            entry_offset: i64::from_le_bytes(std::array::from_fn(|i| bytes[16 + i])),
            rsrc1: word(48),
            rsrc2: word(52),
            properties: half(56),
            preload: half(58),
        }
    }

    /// The MODE register that waves start with.
    pub fn mode(&self, target: Target) -> Mode {
        let float = self.rsrc1 >> 12 & 0xff;
        let (dx10_clamp, ieee) =
            if target.has_nan_modes() { (self.rsrc1 >> 21 & 1, self.rsrc1 >> 23 & 1) } else { (1, 0) };
        Mode(float | dx10_clamp << 8 | ieee << 9)
    }

    /// Number of user SGPRs.
    pub fn user_registers(&self) -> usize {
        (self.rsrc2 >> 1 & 31) as usize
    }

    /// What the first user SGPRs hold, in this order.
    pub fn user_contents(&self) -> impl Iterator<Item = UserRegister> {
        let properties = self.properties;
        [
            UserRegister::PrivateSegmentBuffer,
            UserRegister::DispatchPointer,
            UserRegister::QueuePointer,
            UserRegister::KernargPointer,
            UserRegister::DispatchId,
            UserRegister::FlatScratchInit,
            UserRegister::PrivateSegmentSize,
        ]
        .into_iter()
        .enumerate()
        .filter(move |(bit, _)| properties >> bit & 1 != 0)
        .map(|(_, content)| content)
    }

    /// Words of the kernarg segment that are loaded into the user SGPRs after those: first word, and how many.
    pub fn preload(&self) -> (usize, usize) {
        (usize::from(self.preload >> 7), usize::from(self.preload & 0x7f))
    }

    /// Which work-group ids follow the user SGPRs.
    pub fn group_ids(&self) -> [bool; 3] {
        std::array::from_fn(|i| self.rsrc2 >> (7 + i) & 1 != 0)
    }

    /// Whether the first vector registers hold the item's x only (0), x and y (1), or all three (2).
    pub fn item_ids(&self) -> u32 {
        self.rsrc2 >> 11 & 3
    }

    /// Whether the kernel calls functions whose stack need is not known.
    pub fn dynamic_stack(&self) -> bool {
        self.properties >> 11 & 1 != 0
    }

    /// Vector registers that a wave is given, accumulation registers among them.
    pub fn vector_registers(&self, target: Target) -> u32 {
        let granule = if target.is_cdna() || self.wave_size() == Size::W32 { 8 } else { 4 };
        ((self.rsrc1 & 63) + 1) * granule
    }

    /// Items of a wave.
    pub fn wave_size(&self) -> Size {
        if self.properties >> 10 & 1 != 0 { Size::W32 } else { Size::W64 }
    }

    /// Whether a register with facts on the work-group follows the work-group ids.
    pub fn group_info(&self) -> bool {
        self.rsrc2 >> 10 & 1 != 0
    }

    /// Whether the offset of the wave's scratch follows those.
    pub fn scratch_offset(&self) -> bool {
        self.rsrc2 & 1 != 0
    }
}
