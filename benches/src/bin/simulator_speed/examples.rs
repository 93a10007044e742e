//! The examples' own files.
#![allow(dead_code, missing_docs, reason = "programs of their own, of which kernels are used here")]

#[path = "../../../../examples/examples/mandelbrot.rs"]
pub(crate) mod mandelbrot;
#[path = "../../../../examples/examples/matmul_tiled.rs"]
pub(crate) mod matmul_tiled;
#[path = "../../../../examples/examples/saxpy.rs"]
pub(crate) mod saxpy;
