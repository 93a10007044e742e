//! The device language of Geobacter: what a kernel's body is written with.
//!
//! * [`item`]: the work-item token, which says which element of a buffer belongs to whom.
//! * [`input`], [`output`]: buffers as a kernel sees them.
//! * [`element`], [`param`]: what can stand in a buffer, and what can be a kernel's parameter.
//! * [`grid`]: the size of a launch.
//! * [`descriptor`], [`instance`]: what `#[kernel]` leaves behind for the runtime and for the spool step.
//! * [`entry`], [`intrinsics`]: how a work-group's run becomes calls of the kernel function.
//! * `math`: C's mathematical functions, for devices.
//!
//! The crate is `no_std` and the same source is compiled once: natively for the host, where one call of an entry function
//! is a loop over a work-group's items, and from the same bitcode for a GPU, where the loop's bounds are one item's id and
//! the next, and it folds away. Devices, buffers and launches are `geobacter-runtime-core`'s; this crate knows only what
//! happens inside a kernel.
//!
//! # The soundness rule
//! Three facts make item-indexed access safe without a bounds check. The SAFETY comments name them.
//! 1. **Launch contract**: before a kernel runs, the runtime has checked that every [`In`], [`Out`] and [`InOut`] has exactly
//!    one element for each item of the grid.
//! 2. **One token for each item**: [`Item`] cannot be made, copied or sent to another thread by safe code, and
//!    [`entry::each`] makes one for each item of the grid. So whoever holds a token is the one who works on its element.
//! 3. **No smuggling**: tokens and handles carry the lifetime of one work-group's run, for which every kernel function is
//!    generic. So a token never meets a handle of another launch.
#![no_std]

pub mod descriptor;
pub mod element;
pub mod entry;
pub mod grid;
pub mod input;
pub mod instance;
pub mod intrinsics;
pub mod item;
mod math;
pub mod output;
pub mod param;

pub use element::Element;
pub use grid::Grid;
pub use input::{In, Slice};
pub use item::Item;
pub use output::{InOut, Out};
