//! CUDA C++ to device code, by whatever compiler there is.
//!
//! [`nvcc`] is what CUDA programs are built with; [`nvrtc`] is the same compiler as a library, which NVIDIA also publishes as
//! a Python wheel, so it is had without installing CUDA.

pub mod nvcc;
pub mod nvrtc;
pub mod program;

/// Whether a compiler may join a multiplication and an addition into one operation that rounds once, as nvcc does unless it
/// is told not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contraction {
    /// It joins them.
    Joined,
    /// Each is rounded, as Rust's are.
    Separate,
}

/// What is made of a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Text for the virtual architecture.
    Ptx,
    /// Machine code.
    Cubin,
}

impl Output {
    /// A file's extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ptx => "ptx",
            Self::Cubin => "cubin",
        }
    }

    /// The compilers' name for an architecture: `compute_90` or `sm_90`.
    pub(crate) fn architecture(self, capability: u32) -> String {
        match self {
            Self::Ptx => format!("compute_{capability}"),
            Self::Cubin => format!("sm_{capability}"),
        }
    }
}
