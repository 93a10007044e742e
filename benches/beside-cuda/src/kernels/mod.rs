//! The kernels in Rust: BabelStream's, and those of the examples, whose own files are modules here, so what is measured is what
//! they show.

pub mod contracted;
pub mod empty;
pub mod stream;

macro_rules! example {
    ($($name:ident: $path:literal),* $(,)?) => { $(
        #[path = $path]
        #[allow(dead_code, missing_docs, reason = "a program of its own, of which kernels are used here")]
        pub mod $name;
    )* };
}
example! {
    matmul_tiled: "../../../../examples/examples/matmul_tiled.rs",
    nbody: "../../../../examples/examples/nbody.rs",
    reduce: "../../../../examples/examples/reduce.rs",
    saxpy: "../../../../examples/examples/saxpy.rs",
    stencil2d: "../../../../examples/examples/stencil2d.rs",
    transpose: "../../../../examples/examples/transpose.rs",
}
