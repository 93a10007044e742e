//! Compile-fail and snapshot tests of the kernel language.
//!
//! * `fail/`: mistakes that someone makes, each with what the compiler says, in the `.stderr` file beside it.
//! * `pass/`: what looks similar and is right.
//! * `tests/`: what runs them, and snapshots of launch descriptors.
//!
//! Two more kinds of snapshots lie with what makes them: what `#[kernel]` writes for each form of kernel in
//! `geobacter-macros/src/snapshots/`, and what the build-time check says of kernels that the type system lets pass in
//! `cargo-geobacter/tests/snapshots/`.
//!
//! After a change of a message: `TRYBUILD=overwrite cargo test -p geobacter-ui-tests`, then read the difference; of a
//! snapshot: `INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test -p ..`.
