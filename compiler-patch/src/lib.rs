//! The rustc wrapper and the link shim that put a kernel archive into a binary.
