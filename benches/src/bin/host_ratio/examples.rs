//! The examples' own files.
#![allow(dead_code, missing_docs, reason = "programs of their own, of which kernels are used here")]

#[path = "../../../../examples/examples/game_of_life.rs"]
pub(crate) mod game_of_life;
#[path = "../../../../examples/examples/histogram.rs"]
pub(crate) mod histogram;
#[path = "../../../../examples/examples/mandelbrot.rs"]
pub(crate) mod mandelbrot;
#[path = "../../../../examples/examples/map.rs"]
pub(crate) mod map;
#[path = "../../../../examples/examples/matmul_naive.rs"]
pub(crate) mod matmul_naive;
#[path = "../../../../examples/examples/matmul_tiled.rs"]
pub(crate) mod matmul_tiled;
#[path = "../../../../examples/examples/nbody.rs"]
pub(crate) mod nbody;
#[path = "../../../../examples/examples/reduce.rs"]
pub(crate) mod reduce;
#[path = "../../../../examples/examples/saxpy.rs"]
pub(crate) mod saxpy;
#[path = "../../../../examples/examples/scan.rs"]
pub(crate) mod scan;
#[path = "../../../../examples/examples/sort.rs"]
pub(crate) mod sort;
#[path = "../../../../examples/examples/stencil2d.rs"]
pub(crate) mod stencil2d;
#[path = "../../../../examples/examples/transpose.rs"]
pub(crate) mod transpose;
