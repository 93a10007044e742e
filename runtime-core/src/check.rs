//! What checked mode reports: a rule that a kernel breaks, which only `unsafe` can do.
//!
//! The host finds it through what debug builds note of each access, the simulator from the machine's accesses. Both report it
//! as a [`CheckFailure`].

use std::fmt;

use crate::driver::PanicLocation;

/// A rule that a kernel broke, as checked mode found it. Displays in several lines: what, where, and each access.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckFailure {
    /// The rule.
    pub rule: CheckRule,
    /// The memory that it is about.
    pub place: CheckedPlace,
    /// The access that breaks it.
    pub access: CheckedAccess,
    /// The access that it collides with; `None` if the access is wrong by itself.
    pub earlier: Option<CheckedAccess>,
}

impl CheckFailure {
    /// A failure of this rule.
    pub fn new(rule: CheckRule, place: CheckedPlace, access: CheckedAccess, earlier: Option<CheckedAccess>) -> Self {
        Self { rule, place, access, earlier }
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.rule, self.place)?;
        for access in self.earlier.iter().chain([&self.access]) {
            write!(f, "\n  {access}")?;
        }
        Ok(())
    }
}

/// The rules of checked mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckRule {
    /// No two items write the same memory, unless a barrier orders them or both do it atomically.
    Overlap,
    /// No item reads what another one writes, unless a barrier orders them.
    Race,
    /// LDS and memory are written before they are read.
    Uninitialized,
    /// An item accesses elements of the buffer only.
    OutOfBounds,
}

impl fmt::Display for CheckRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlap => "two work-items write the same memory, and nothing orders them",
            Self::Race => "a work-item reads what another one writes, and no barrier orders them",
            Self::Uninitialized => "a work-item reads memory that nobody has written",
            Self::OutOfBounds => "a work-item accesses an element that the buffer does not have",
        })
    }
}

/// The memory that a [`CheckFailure`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckedPlace {
    /// A byte of a buffer.
    Buffer {
        /// Address of the buffer.
        address: u64,
        /// Its size in bytes.
        size: u64,
        /// The first byte concerned, counted from the buffer's start.
        offset: u64,
    },
    /// An element of a buffer.
    Element {
        /// Address of the buffer.
        address: u64,
        /// Its number of elements.
        length: u64,
        /// The element.
        element: u64,
    },
    /// A byte of the work-group's LDS.
    Lds {
        /// LDS of the work-group in bytes.
        size: u64,
        /// The first byte concerned.
        offset: u64,
    },
}

impl CheckedPlace {
    /// Address of the buffer; `None` for LDS.
    pub fn buffer(&self) -> Option<u64> {
        match *self {
            Self::Buffer { address, .. } | Self::Element { address, .. } => Some(address),
            Self::Lds { .. } => None,
        }
    }
}

impl fmt::Display for CheckedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buffer { address, size, offset } => {
                write!(f, "at byte {offset} of the buffer of {size} bytes at address {address:#x}")
            }
            Self::Element { length, element, .. } => write!(f, "at element {element} of {length}"),
            Self::Lds { size, offset } => write!(f, "at byte {offset} of {size} bytes of LDS"),
        }
    }
}

/// What a [`CheckedAccess`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckedUse {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// It is an atomic operation.
    Atomic,
}

/// An item's access to memory. Displays as what it does, item and source line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedAccess {
    /// What it does.
    pub does: CheckedUse,
    /// Id of the work-group.
    pub group: [u32; 3],
    /// Id of the work-item in its group.
    pub item: [u32; 3],
    /// Where in the source; `None` if the code has no line for it.
    pub location: Option<PanicLocation>,
}

impl CheckedAccess {
    /// An access of this item.
    pub fn new(does: CheckedUse, group: [u32; 3], item: [u32; 3], location: Option<PanicLocation>) -> Self {
        Self { does, group, item, location }
    }
}

impl fmt::Display for CheckedAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self.does {
            CheckedUse::Read => "read",
            CheckedUse::Write => "written",
            CheckedUse::Atomic => "changed atomically",
        };
        write!(f, "{does} by work-item {:?} of work-group {:?}", self.item, self.group)?;
        match &self.location {
            Some(PanicLocation { file, line, column }) => write!(f, " at {file}:{line}:{column}"),
            None => f.write_str(", at a place that the code object has no line for"),
        }
    }
}
