//! LDS, the memory that a work-group's items share, as a type that cannot be used wrongly.
//!
//! * [`Lds`]: a handle to memory of the group with nothing in it. It can only be filled.
//! * [`Filled`]: its content. Group scope and all items read it as an ordinary array or slice; group scope can change it.
//! * [`LdsAtomics`]: its content while items change it with atomic operations.
//! * [`Shape`]: arrays of one to three dimensions, and slices whose length a launch gives.
//! * [`Collectives`]: what a group does together: `reduce`, `inclusive_scan`, `sort`, and more.
//!
//! ```text
//!                 fill, fill_with                update, rewrite
//!    +-----+   (writes every element)   +--------+ ----------+
//!    | Lds | -------------------------> | Filled |           |
//!    +-----+ <------------------------- +--------+ <---------+
//!              the Filled is dropped      |    ^
//!                            into_atomics |    | finish
//!                                         v    |
//!                                      +------------+
//!                                      | LdsAtomics |   `Lds::atomics` leads here, too
//!                                      +------------+
//! ```
//! Rust's borrow checker walks this diagram: a `Filled` borrows its `Lds` mutably, so there is one at a time, and none while
//! the `Lds` is filled again.
//!
//! # The soundness rules
//! Beside the four of [`geobacter_lang`], which the SAFETY comments name:
//!
//! 5. **One handle for each allocation**: an [`Lds`] cannot be copied, and the two places that make one (a kernel's entry
//!    function, a declaration at the top level of a kernel's body) are each reached once while it lives.
//! 6. **Phases**: whatever writes LDS at group scope has a barrier before it, so that nobody still reads what was there, and
//!    one after it, so that everybody sees it; in between, each element is touched by one item only. Group scope is uniform,
//!    so every item of the group is in the same phase.
//!
//! Barriers that these rules double, or that have nothing to order, are dropped when device code is generated
//! (`geobacter-respool`'s pass `redundant_barriers`). On the host a group's items run one after the other and a barrier is
//! nothing.
#![no_std]

mod atomics;
mod collectives;
mod filled;
mod lds;
mod region;
mod shape;
mod together;

pub use atomics::{LdsAtomic, LdsAtomics};
pub use collectives::Collectives;
pub use filled::{Filled, FilledSlice};
pub use lds::Lds;
pub use shape::{LdsElement, Shape, SizedShape};
pub use together::Together;
