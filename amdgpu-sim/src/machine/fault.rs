//! What can go wrong while a kernel runs, and the report of it.

use std::fmt;

use hsa_rt_sys::{
    HSA_STATUS_ERROR_EXCEPTION, HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION, HSA_STATUS_ERROR_INVALID_PACKET_FORMAT,
    HSA_STATUS_ERROR_MEMORY_FAULT, hsa_status_t,
};

/// What sort of fault ended a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// An access outside of every live allocation, or one that the memory does not allow.
    MemoryFault,
    /// Bytes that are no instruction, or a jump to where none begins.
    IllegalInstruction,
    /// An instruction that the device has and the simulator has not.
    UnsupportedInstruction,
    /// The kernel ran a trap or halted itself.
    Trap,
    /// The kernel made no progress for the watchdog's time.
    Watchdog,
    /// The packet asks for what the device cannot do.
    InvalidPacket,
}

impl FaultKind {
    /// The HSA status that the queue's error callback gets.
    pub fn status(self) -> hsa_status_t {
        match self {
            Self::MemoryFault => HSA_STATUS_ERROR_MEMORY_FAULT,
            Self::IllegalInstruction | Self::UnsupportedInstruction => HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION,
            Self::Trap | Self::Watchdog => HSA_STATUS_ERROR_EXCEPTION,
            Self::InvalidPacket => HSA_STATUS_ERROR_INVALID_PACKET_FORMAT,
        }
    }
}

/// A fault, as the instruction sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// What sort.
    pub kind: FaultKind,
    /// What happened, in words.
    pub detail: String,
    /// The address, for a memory fault.
    pub address: Option<u64>,
    /// The lane, where one lane is at fault.
    pub lane: Option<u32>,
}

impl Trap {
    /// A fault that no lane and no address belongs to.
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind, detail: detail.into(), address: None, lane: None })
    }

    /// A memory fault.
    pub fn memory(address: u64, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind: FaultKind::MemoryFault, detail: detail.into(), address: Some(address), lane: None })
    }

    /// The same fault, in this lane.
    pub fn in_lane(mut self: Box<Self>, lane: usize) -> Box<Self> {
        self.lane = Some(lane as u32);
        self
    }
}

/// Why a dispatch ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultReport {
    /// What sort of fault.
    pub kind: FaultKind,
    /// The status that the queue's error callback got.
    pub status: hsa_status_t,
    /// The kernel's symbol.
    pub kernel: String,
    /// Offset of the instruction from the start of the function that [`function`](Self::function) names, in bytes.
    pub pc_offset: u64,
    /// Symbol of the function that the instruction is in; empty if none is known.
    pub function: String,
    /// The instruction, in the assembler's syntax; empty if there is none.
    pub instruction: String,
    /// Work-group id along x, y and z.
    pub group: [u32; 3],
    /// Work-item id in its group along x, y and z, where one item is at fault.
    pub item: Option<[u32; 3]>,
    /// Its lane in the wave.
    pub lane: Option<u32>,
    /// The address, for a memory fault.
    pub address: Option<u64>,
    /// What happened, in words.
    pub detail: String,
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FaultKind::MemoryFault => "memory fault",
            FaultKind::IllegalInstruction => "illegal instruction",
            FaultKind::UnsupportedInstruction => "instruction that the simulator does not know",
            FaultKind::Trap => "trap",
            FaultKind::Watchdog => "watchdog",
            FaultKind::InvalidPacket => "invalid packet",
        };
        write!(f, "{what} in kernel {}: {}", self.kernel, self.detail)?;
        if !self.instruction.is_empty() {
            let function = if self.function.is_empty() { "code object" } else { &self.function };
            write!(f, "\n  at {function}+{:#x}: {}", self.pc_offset, self.instruction)?;
        }
        let [x, y, z] = self.group;
        write!(f, "\n  work-group ({x}, {y}, {z})")?;
        if let Some([x, y, z]) = self.item {
            write!(f, ", work-item ({x}, {y}, {z})")?;
        }
        if let Some(lane) = self.lane {
            write!(f, ", lane {lane}")?;
        }
        Ok(())
    }
}
