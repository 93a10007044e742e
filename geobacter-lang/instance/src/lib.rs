//! What names an instance of a kernel: the symbol of its entry function, which is the key of its device code.
//!
//! * [`InstanceId`], [`instance_of!`]: the name.
//! * [`InstanceRecord`], [`instance_record!`]: the name with a word beside it, in which a runtime keeps what it has cached.
//! * [`KernelTable`]: kernels by name, with a check that no name stands for two.
//!
//! A stock compiler gives a program the name of a function through inline assembly: at run time. A compiler with the
//! intrinsic of `compiler-patch/rustc` gives it to constants. This crate's build script asks the compiler whether it has the
//! intrinsic; [`CONST_IDS`] is the answer. With it `instance_of!` can stand in a `const` and a `static`, so that a
//! [`KernelTable`] is a `static` and two kernels of one name are an error of compilation. All else is the same, and so are
//! the names. Nothing of Geobacter needs the intrinsic.
//!
//! The crate knows nothing of kernels but that they have a name, an entry function and some description. It has no
//! dependencies, and is built by older compilers than the rest of Geobacter.
//!
//! # Where the constant differs
//! The symbol of a generic function is the one that *the crate that instantiates it* gives it, and a constant is evaluated by
//! each crate that uses it. So a `const` of a generic function's id may have another value in another crate, where the
//! function may have been instantiated anew; a `static` has one value, that of the crate that declares it. Let neither
//! become part of a type.
#![no_std]
#![cfg_attr(geobacter_const_instance_ids, feature(intrinsics))]
#![cfg_attr(geobacter_const_instance_ids, allow(internal_features, reason = "there is no other way to an intrinsic"))]

#[cfg(test)]
extern crate std;

mod id;
#[cfg(geobacter_const_instance_ids)]
mod intrinsic;
mod record;
mod table;

pub use id::InstanceId;
#[cfg(geobacter_const_instance_ids)]
pub use id::id_of;
pub use record::InstanceRecord;
pub use table::{DuplicateKernel, EntryFunction, KernelEntry, KernelTable};

/// Whether the compiler gives ids to constants.
pub const CONST_IDS: bool = cfg!(geobacter_const_instance_ids);
