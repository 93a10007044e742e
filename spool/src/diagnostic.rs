//! What the build-time check says of a kernel that no device can run.

use serde::{Deserialize, Serialize};

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceLocation {
    /// The file, as debug information names it; absolute where it could be made so.
    pub file: String,
    /// One-based line.
    pub line: u32,
    /// One-based column; 0 where it is not known.
    pub column: u32,
}

/// One step of a call path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The calling function, demangled.
    pub function: String,
    /// Where in it the call stands; `None` where the crate was built without debug information.
    pub call_site: Option<SourceLocation>,
}

/// One thing that a kernel reaches and no device can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The kernel instance, as a person reads it.
    pub kernel: String,
    /// What is wrong, for example "a kernel cannot allocate memory".
    pub message: String,
    /// What stands there, for example "calls `alloc::alloc::__rust_alloc`".
    pub label: String,
    /// The calls from the kernel to the offending place, outermost first.
    pub path: Vec<Frame>,
    /// The innermost place in the user's own source.
    pub location: Option<SourceLocation>,
    /// What to do.
    pub help: String,
}
