//! Which devices may access memory.

/// A set of GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuSet(u64);

impl GpuSet {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(u64::MAX);

    /// The GPU of this number, which is below 64.
    pub fn only(gpu: usize) -> Self {
        Self(1 << gpu)
    }

    /// Those of both.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the GPU of this number is one of them.
    pub fn contains(self, gpu: usize) -> bool {
        self.0 >> gpu & 1 != 0
    }
}
