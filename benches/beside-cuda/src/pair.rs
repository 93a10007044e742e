//! Which kernel in Rust stands beside which in CUDA C++.

/// A kernel that exists twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What both compute, in a word.
    pub name: &'static str,
    /// The module of the kernel in Rust, within [`kernels`](crate::kernels).
    pub module: &'static str,
    /// Its name there.
    pub kernel: &'static str,
    /// The file in CUDA C++.
    pub file: CudaFile,
    /// The kernel's name there.
    pub function: &'static str,
}

/// A file in CUDA C++.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CudaFile {
    /// Its name without extension.
    pub name: &'static str,
    /// What is in it.
    pub source: &'static str,
}

macro_rules! files {
    ($($file:ident: $name:literal)*) => {
        $(
            #[doc = concat!("`", $name, ".cu`.")]
            pub const $file: CudaFile =
                CudaFile { name: $name, source: include_str!(concat!("../cuda/", $name, ".cu")) };
        )*
        /// All files in CUDA C++.
        pub const FILES: &[CudaFile] = &[$($file),*];
    };
}
files! {
    BANDWIDTH: "bandwidth"
    EMPTY: "empty"
    MATMUL: "matmul"
    NBODY: "nbody"
    REDUCE: "reduce"
    SAXPY: "saxpy"
    STENCIL: "stencil"
    STREAM: "stream"
    TRANSPOSE: "transpose"
}

const fn pair(name: &'static str, rust: (&'static str, &'static str), cuda: (CudaFile, &'static str)) -> Pair {
    Pair { name, module: rust.0, kernel: rust.1, file: cuda.0, function: cuda.1 }
}

/// All kernels that exist twice.
pub const PAIRS: [Pair; 13] = [
    pair("copy", ("stream", "copy"), (STREAM, "copy")),
    pair("mul", ("stream", "mul"), (STREAM, "mul")),
    pair("add", ("stream", "add"), (STREAM, "add")),
    pair("triad", ("stream", "triad"), (STREAM, "triad")),
    pair("dot", ("stream", "dot"), (STREAM, "dot")),
    pair("saxpy", ("contracted", "saxpy"), (SAXPY, "saxpy")),
    pair("matmul", ("contracted", "matmul"), (MATMUL, "matmul")),
    pair("reduce", ("reduce", "reduce_blocks"), (REDUCE, "reduce")),
    pair("transpose", ("transpose", "transpose"), (TRANSPOSE, "transpose")),
    pair("nbody", ("contracted", "nbody"), (NBODY, "nbody")),
    pair("nbody_fast", ("contracted", "nbody_fast"), (NBODY, "nbody_fast")),
    pair("stencil", ("contracted", "stencil"), (STENCIL, "stencil")),
    pair("empty", ("empty", "empty"), (EMPTY, "empty")),
];

impl Pair {
    /// The pair of this name.
    pub fn named(name: &str) -> Option<Self> {
        PAIRS.into_iter().find(|pair| pair.name == name)
    }
}
