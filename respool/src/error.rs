//! What can go wrong in respool.

use std::{io, path::PathBuf};

/// Why there is no archive or no device code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that the compiler should have left is missing or unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A library is not an archive of object files.
    #[error("{} is not a static library: {reason}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// LLVM refuses bitcode.
    #[error("{what}: {reason}; it was made by another toolchain, or damaged: rebuild with `cargo geobacter build`")]
    Bitcode {
        /// Which bitcode.
        what: String,
        /// What LLVM says.
        reason: String,
    },
    /// The kernel archive cannot be written.
    #[error(transparent)]
    Archive(#[from] geobacter_spool::archive::ArchiveError),
    /// The launch descriptor in the bitcode is not what the macro writes.
    #[error(
        "kernel {kernel}: its launch descriptor cannot be read from the bitcode ({reason}); is the program's `geobacter` of the same version as cargo-geobacter?"
    )]
    Descriptor {
        /// The kernel.
        kernel: String,
        /// What is wrong.
        reason: String,
    },
    /// No back end knows this target.
    #[error("unknown target `{target}`: known are {known}")]
    UnknownTarget {
        /// What was asked for.
        target: String,
        /// The targets that there are.
        known: String,
    },
    /// The kernel uses what this target cannot do.
    #[error("kernel {kernel} for {target}: {reason}")]
    Unsupported {
        /// The kernel.
        kernel: String,
        /// The target.
        target: String,
        /// What it cannot do.
        reason: String,
    },
    /// A pass left invalid IR.
    #[error(
        "kernel {kernel} for {target}: after {stage} the IR is invalid ({reason}); this is a bug in Geobacter, please report it"
    )]
    Invalid {
        /// The kernel.
        kernel: String,
        /// The target.
        target: String,
        /// The step after which it was found.
        stage: &'static str,
        /// What LLVM's verifier says.
        reason: String,
    },
    /// LLVM could not optimise or emit.
    #[error("kernel {kernel} for {target}: LLVM cannot {what}: {reason}")]
    Llvm {
        /// The kernel.
        kernel: String,
        /// The target.
        target: String,
        /// What it was doing.
        what: &'static str,
        /// What it says.
        reason: String,
    },
    /// The code object could not be linked.
    #[error("kernel {kernel} for {target}: {} cannot link the code object: {reason}", linker.display())]
    Link {
        /// The kernel.
        kernel: String,
        /// The target.
        target: String,
        /// The linker.
        linker: PathBuf,
        /// What it, or the system, says.
        reason: String,
    },
    /// The code object does not say what its kernel's descriptor says.
    #[error(
        "kernel {kernel} for {target}: the code object does not match the launch descriptor: {reason}; this is a bug in Geobacter, please report it"
    )]
    Mismatch {
        /// The kernel.
        kernel: String,
        /// The target.
        target: String,
        /// What differs.
        reason: String,
    },
}
