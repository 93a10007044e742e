//! The device language of Geobacter: what a kernel's body is written with.
//!
//! * [`workgroup`]: group scope, where barriers are, and the way into item scope.
//! * [`wave`]: wave scope, between group and item: what a device runs in lockstep, and what its lanes do together.
//! * [`item`]: the tokens of item scope, which say which element of a buffer belongs to whom.
//! * [`private`]: values that belong to one item across several visits of item scope.
//! * [`value`]: what a group's and an item's values can be.
//! * [`input`], [`output`]: buffers as a kernel sees them.
//! * [`atomic`]: what all items may change at once.
//! * [`grid`], [`shape`]: the size of a launch, and as a kernel sees it.
//! * [`element`], [`arg`], [`param`]: what can stand in a buffer, be an argument, and be a kernel's parameter.
//! * [`partition`]: which elements of an output belong to which item.
//! * [`soa`]: buffers of structs, one array for each field.
//! * [`spec`]: values that are constants in a device's code.
//! * [`descriptor`], [`mod@instance`]: what `#[kernel]` leaves behind for the runtime and for the spool step; [`table`]: kernels by name.
//! * [`entry`], [`intrinsics`]: how a work-group's run becomes calls of the kernel function.
//! * [`check`]: what checked mode notes of accesses that only an `unsafe` promise keeps apart.
//! * `math`: C's mathematical functions, for devices.
//!
//! The crate is `no_std` and the same source is compiled once: natively for the host, where one call of an entry function
//! is a loop over a work-group's items, and from the same bitcode for a GPU, where the loop's bounds are one item's id and
//! the next, and it folds away. Devices, buffers and launches are `geobacter-runtime-core`'s; this crate knows only what
//! happens inside a kernel.
//!
//! # The soundness rule
//! Four facts make kernels free of data races and of divergent barriers, and item-indexed access safe without a bounds check.
//! The SAFETY comments name them.
//! 1. **Launch contract**: before a kernel runs, the runtime has checked that every [`In`] has exactly one element for each item of
//!    the grid, and that every [`Out`] and [`InOut`] has as many as its [partition](partition::Partition) asks for. The
//!    partition's own contract says that no element then belongs to two items, or to two work-groups.
//! 2. **One token for each item**: [`Item`] and [`LocalItem`] cannot be made, copied, kept or sent to another thread by safe
//!    code, and [`Workgroup::each`] makes one at a time for each item. So whoever holds a token is the one who works on its
//!    elements.
//! 3. **No smuggling**: tokens and handles carry the lifetime of one work-group's run, for which every kernel function is
//!    generic, and nothing but `'static` values passes through a launch. So a token never meets a handle of another launch.
//! 4. **Uniform group scope**: what runs at group scope computes the same for every item of a group, because nothing there
//!    depends on an item: closures for item scope are `Fn + Sync`, and all that may differ between items asks for a token. So
//!    all items of a group reach the same barriers, in the same order. What runs at wave scope does so for the items of a wave,
//!    and they reach the same operations of waves.
#![no_std]

pub mod arg;
pub mod atomic;
pub mod check;
pub mod descriptor;
pub mod element;
pub mod entry;
pub mod grid;
pub mod input;
pub mod intrinsics;
pub mod item;
mod math;
pub mod output;
pub mod param;
pub mod partition;
pub mod print;
pub mod private;
pub mod shape;
pub mod soa;
pub mod spec;
pub mod table;
pub mod value;
pub mod wave;
pub mod workgroup;

/// What names an instance of a kernel: [`geobacter-instance`](geobacter_instance), which is a crate of its own because older compilers build it.
pub use geobacter_instance as instance;

pub use arg::KernelArg;
pub use atomic::{AtomicElement, Atomics};
pub use element::Element;
pub use grid::Grid;
pub use input::{In, Slice};
pub use item::{Item, Leader, LocalItem, WorkItem};
pub use output::{InOut, Out};
pub use partition::{Blocks, PerGroup, PerItem, Rows, Strided, Tile};
pub use private::Private;
pub use shape::GridShape;
pub use soa::{InOutSoa, InSoa, OutSoa, StructOfArrays};
pub use wave::{Varying, Wave};
pub use workgroup::Workgroup;
