//! Loads the LLVM of the Rust toolchain at run time and binds the LLVM C API to it.
