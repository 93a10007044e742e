//! Mark a Rust function as a kernel and run it on an accelerator.
