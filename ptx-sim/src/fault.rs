//! What can go wrong while a kernel runs, and the report of it.

use std::fmt;

use thiserror::Error;

/// What sort of fault ended a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// An access outside of every live allocation, or of the memory of the block or thread.
    OutOfBounds,
    /// An access to memory that was freed.
    Freed,
    /// An access at an address that is no multiple of its size.
    Misaligned,
    /// A store to what a kernel may only read.
    ReadOnly,
    /// An address in a space that the instruction cannot be used on.
    AddressSpace,
    /// Calls that are nested too deeply, or more local memory than a thread can have.
    StackOverflow,
    /// The kernel executed `trap` or `brkpt`, or ran into what has no meaning, like a call of no function.
    Trap,
    /// Threads wait for each other, and none can go on.
    Deadlock,
    /// Threads of a warp wait at different barriers where all must wait at the same one.
    DivergentBarrier,
    /// Whoever launched the kernel had it stopped.
    Stopped,
    /// The launch asks for what kernel or device do not allow. Nothing has run.
    InvalidLaunch,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfBounds => "access out of bounds",
            Self::Freed => "access to freed memory",
            Self::Misaligned => "misaligned access",
            Self::ReadOnly => "store to read-only memory",
            Self::AddressSpace => "address in the wrong state space",
            Self::StackOverflow => "stack overflow",
            Self::Trap => "trap",
            Self::Deadlock => "deadlock",
            Self::DivergentBarrier => "divergent barrier",
            Self::Stopped => "stopped",
            Self::InvalidLaunch => "invalid launch",
        })
    }
}

/// A place in the source, from a `.loc` directive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceLocation {
    /// The file, as `.file` names it.
    pub file: String,
    /// The line; the first one is 1.
    pub line: u32,
    /// The column; 0 if none is known.
    pub column: u32,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// An instruction of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The function that it is in.
    pub function: String,
    /// Its text.
    pub instruction: String,
    /// Its line in the PTX; the first one is 1.
    pub line: u32,
    /// Its place in the source, and the places of the calls that were inlined around it, innermost first.
    pub source: Vec<SourceLocation>,
}

/// Why a launch ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct Fault {
    /// What sort of fault.
    pub kind: FaultKind,
    /// The kernel.
    pub kernel: String,
    /// The instruction at fault, where it is one.
    pub site: Option<Box<Site>>,
    /// The block.
    pub block: [u32; 3],
    /// The thread in its block, where it is one.
    pub thread: Option<[u32; 3]>,
    /// The address, where it is about one.
    pub address: Option<u64>,
    /// What happened, in words.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in kernel {}: {}", self.kind, self.kernel, self.detail)?;
        if let Some(site) = &self.site {
            if let Some(first) = site.source.first() {
                write!(f, "\n  at {first}")?;
            }
            for call in site.source.iter().skip(1) {
                write!(f, "\n  inlined at {call}")?;
            }
            write!(f, "\n  PTX line {}, function {}: {}", site.line, site.function, site.instruction)?;
        }
        if self.kind == FaultKind::InvalidLaunch {
            return Ok(());
        }
        let id = |[x, y, z]: [u32; 3]| format!("({x}, {y}, {z})");
        write!(f, "\n  block {}", id(self.block))?;
        if let Some(thread) = self.thread {
            write!(f, ", thread {}", id(thread))?;
        }
        Ok(())
    }
}

/// A fault, as an instruction sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// What sort.
    pub kind: FaultKind,
    /// The lane, where one is at fault.
    pub lane: Option<usize>,
    /// The address, where it is about one.
    pub address: Option<u64>,
    /// What happened, in words.
    pub detail: String,
}

impl Trap {
    /// A fault that no address belongs to.
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind, lane: None, address: None, detail: detail.into() })
    }

    /// A fault about an address.
    pub fn at(kind: FaultKind, address: u64, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind, lane: None, address: Some(address), detail: detail.into() })
    }

    /// The same fault, in this lane.
    pub fn in_lane(mut self: Box<Self>, lane: usize) -> Box<Self> {
        self.lane = Some(lane);
        self
    }
}
