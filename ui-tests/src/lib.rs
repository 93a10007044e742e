//! Compile-fail and snapshot tests of the kernel language.
//!
//! * `fail/`: mistakes that someone makes, each with what the compiler says, in the `.stderr` file beside it.
//! * `pass/`: what looks similar and is right.
//! * `tests/`: what runs them, and snapshots of launch descriptors.
//!
//! After a change of a message: `TRYBUILD=overwrite cargo test -p geobacter-ui-tests`, then read the difference.
