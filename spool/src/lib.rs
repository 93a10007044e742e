//! What the parts of Geobacter say to each other about kernels.
//!
//! * [`archive`]: the kernel archive that the link shim puts into a binary and the runtime reads back.
//! * [`bundle`]: device code that was made at build time, which the link shim puts beside the archive.
//! * [`descriptor`]: a kernel's launch descriptor in the form that crosses process boundaries.
//! * [`job`]: the questions and answers of the code generation worker.
//! * [`wire`]: how those travel through a pipe.
//! * [`fault`]: the record that device code writes when a kernel panics.
//! * [`output`]: the buffer into which device code prints.
//! * [`format`](mod@format): how a message's values leave a device unformatted.
//! * [`diagnostic`]: what the build-time check says of a kernel that no device can run.
//!
//! Nothing here knows LLVM, HSA or a file's place on disk. The compiler side (`compiler-patch`, `respool`) writes what
//! the run-time side (`codegen-client`, `runtime-core`, `amdgpu-sim`) reads, and both depend on this crate alone.

pub mod archive;
pub mod bundle;
mod container;
pub mod descriptor;
pub mod diagnostic;
pub mod fault;
pub mod format;
pub mod job;
pub mod output;
pub mod wire;
