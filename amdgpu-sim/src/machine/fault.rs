//! What can go wrong while a kernel runs, and the report of it.

use std::fmt;

use hsa_rt_sys::{
    HSA_STATUS_ERROR_EXCEPTION, HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION, HSA_STATUS_ERROR_INVALID_PACKET_FORMAT,
    HSA_STATUS_ERROR_MEMORY_FAULT, hsa_status_t,
};

use super::check::{AccessKind, Violation};
use crate::source::SourceLocation;

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
    /// Two work-items write the same bytes, and nothing orders them. Found by the checks.
    OverlappingWrites,
    /// One work-item reads what another one writes, and nothing orders them. Found by the checks.
    Race,
    /// A read of LDS that no work-item of the group has written, or of memory that nobody has written. Found by the checks.
    UninitializedRead,
    /// Something depends on a value that was never written. Found by the checks.
    UninitializedValue,
    /// A register is used, or a barrier is passed, before a memory operation was waited for. Found by the checks.
    MissingWait,
    /// Not all work-items of a group reach a barrier. Found by the checks.
    DivergentBarrier,
}

impl FaultKind {
    /// The HSA status that the queue's error callback gets.
    pub fn status(self) -> hsa_status_t {
        match self {
            Self::MemoryFault => HSA_STATUS_ERROR_MEMORY_FAULT,
            Self::IllegalInstruction | Self::UnsupportedInstruction => HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION,
            Self::Trap
            | Self::Watchdog
            | Self::OverlappingWrites
            | Self::Race
            | Self::UninitializedRead
            | Self::UninitializedValue
            | Self::MissingWait
            | Self::DivergentBarrier => HSA_STATUS_ERROR_EXCEPTION,
            Self::InvalidPacket => HSA_STATUS_ERROR_INVALID_PACKET_FORMAT,
        }
    }
}

impl FaultKind {
    /// Whether it was found by the checks that [`Config::with_checks`](crate::Config::with_checks) switches on.
    pub fn is_check(self) -> bool {
        matches!(
            self,
            Self::OverlappingWrites
                | Self::Race
                | Self::UninitializedRead
                | Self::UninitializedValue
                | Self::MissingWait
                | Self::DivergentBarrier
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MemoryFault => "memory fault",
            Self::IllegalInstruction => "illegal instruction",
            Self::UnsupportedInstruction => "instruction that the simulator does not know",
            Self::Trap => "trap",
            Self::Watchdog => "watchdog",
            Self::InvalidPacket => "invalid packet",
            Self::OverlappingWrites => "overlapping writes",
            Self::Race => "data race",
            Self::UninitializedRead => "read of uninitialized memory",
            Self::UninitializedValue => "use of an uninitialized value",
            Self::MissingWait => "missing wait",
            Self::DivergentBarrier => "divergent barrier",
        })
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
    /// The memory that it is about, where that is known.
    pub place: Option<FaultPlace>,
    /// What a check found, where it was one.
    pub violation: Option<Violation>,
}

impl Trap {
    /// A fault that no lane and no address belongs to.
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind, detail: detail.into(), address: None, lane: None, place: None, violation: None })
    }

    /// A memory fault.
    pub fn memory(address: u64, detail: impl Into<String>) -> Box<Self> {
        let (kind, detail) = (FaultKind::MemoryFault, detail.into());
        Box::new(Self { kind, detail, address: Some(address), lane: None, place: None, violation: None })
    }

    /// The same fault, in this lane.
    pub fn in_lane(mut self: Box<Self>, lane: usize) -> Box<Self> {
        self.lane = Some(lane as u32);
        self
    }
}

/// One of the accesses of which a check says that they must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessReport {
    /// What it does.
    pub kind: AccessKind,
    /// Work-group id along x, y and z.
    pub group: [u32; 3],
    /// Work-item id in its group along x, y and z.
    pub item: [u32; 3],
    /// Where in the code it is.
    pub site: Site,
}

/// The memory that a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultPlace {
    /// Memory.
    Allocation {
        /// First address of the allocation.
        address: u64,
        /// Its size in bytes.
        size: u64,
        /// The first byte concerned, counted from the allocation's start.
        offset: u64,
    },
    /// Memory that was freed.
    Freed {
        /// First address that the allocation had.
        address: u64,
        /// The size that it had in bytes.
        size: u64,
        /// The first byte concerned, counted from the allocation's start.
        offset: u64,
    },
    /// The work-group's LDS.
    Lds {
        /// LDS of the work-group in bytes.
        size: u64,
        /// The first byte concerned.
        offset: u64,
    },
}

impl fmt::Display for FaultPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allocation { address, size, offset } => {
                write!(f, "at byte {offset} of the allocation of {size} bytes at {address:#x}")
            }
            Self::Freed { address, size, offset } => {
                write!(f, "at byte {offset} of an allocation of {size} bytes at {address:#x} that was freed")
            }
            Self::Lds { size, offset } => write!(f, "at byte {offset} of {size} bytes of LDS"),
        }
    }
}

/// An instruction, and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// Offset of the instruction from the start of the function that [`function`](Self::function) names, in bytes.
    pub pc_offset: u64,
    /// Symbol of the function that the instruction is in; empty if none is known.
    pub function: String,
    /// The instruction, in the assembler's syntax; empty if there is none.
    pub instruction: String,
    /// Its place in the source, as far as the code object's line tables know it.
    pub location: Option<SourceLocation>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = if self.function.is_empty() { "code object" } else { &self.function };
        match &self.location {
            Some(location) => {
                write!(f, "{location} ({function}+{:#x}: {})", self.pc_offset, self.instruction)
            }
            None => write!(f, "{function}+{:#x}: {}", self.pc_offset, self.instruction),
        }
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
    /// The device's name; empty if it is not known yet.
    pub device: String,
    /// The kernel's symbol.
    pub kernel: String,
    /// The instruction at fault.
    pub site: Site,
    /// Work-group id along x, y and z.
    pub group: [u32; 3],
    /// Work-item id in its group along x, y and z, where one item is at fault.
    pub item: Option<[u32; 3]>,
    /// Its lane in the wave.
    pub lane: Option<u32>,
    /// The address, for a memory fault and for what a check found; an offset where it is in LDS.
    pub address: Option<u64>,
    /// The memory that a check's report, or that of an access to freed memory, is about; `None` for faults of other sorts.
    pub place: Option<FaultPlace>,
    /// The accesses that a check found, in the order in which it saw them; empty for faults of other sorts.
    pub accesses: Vec<AccessReport>,
    /// What happened, in words.
    pub detail: String,
}

impl FaultReport {
    /// A report that no instruction belongs to.
    pub fn refused(kind: FaultKind, kernel: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status: kind.status(),
            device: String::new(),
            kernel: kernel.into(),
            site: Site::default(),
            group: [0; 3],
            item: None,
            lane: None,
            address: None,
            place: None,
            accesses: Vec::new(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        // A packet that is none has no kernel.
        if !self.kernel.is_empty() {
            write!(f, " in kernel {}", self.kernel)?;
        }
        if !self.device.is_empty() {
            write!(f, " on {}", self.device)?;
        }
        write!(f, ": {}", self.detail)?;
        let id = |[x, y, z]: [u32; 3]| format!("({x}, {y}, {z})");
        if !self.accesses.is_empty() {
            for access in &self.accesses {
                let (item, group) = (id(access.item), id(access.group));
                write!(f, "\n  {} by work-item {item} of work-group {group}", access.kind)?;
                write!(f, "\n    at {}", access.site)?;
            }
            return Ok(());
        }
        if !self.site.instruction.is_empty() {
            write!(f, "\n  at {}", self.site)?;
        }
        if self.kernel.is_empty() {
            return Ok(());
        }
        write!(f, "\n  work-group {}", id(self.group))?;
        if let Some(item) = self.item {
            write!(f, ", work-item {}", id(item))?;
        }
        if let Some(lane) = self.lane {
            write!(f, ", lane {lane}")?;
        }
        Ok(())
    }
}
