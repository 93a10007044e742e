//! What all GPUs share: the device language's meaning, said once.
//!
//! A GPU is a [`Gpu`]: data, above all its [`Dialect`], the names that LLVM has for things of this family. Each file here
//! lowers one part of the device language for any of them. What a family has to say itself stays in its own folder: its
//! processors, its kernel function, how a launch's hidden arguments are reached ([`hidden`]), its barrier, and what its
//! driver takes.

pub mod atomics;
pub mod barrier_of_all;
pub mod definitions;
pub mod fault;
pub mod hidden;
pub mod intrinsics;
pub mod lds;
pub mod print;
pub mod specialised;
pub mod waves;

pub use super::KernelLowering;

/// One GPU, as far as the shared lowering asks.
#[derive(Clone, Copy)]
pub struct Gpu<'a> {
    /// Its name: `gfx942`, `sm_90`.
    pub name: &'a str,
    /// Work-items in a wave.
    pub wave_size: u32,
    /// What LLVM calls things there.
    pub dialect: &'static Dialect,
}

/// What LLVM calls things in a family of GPUs.
pub struct Dialect {
    /// `geobacter_lang`'s number for the family: `__gb_platform`.
    pub platform: u64,
    /// Where the family keeps what.
    pub spaces: Spaces,
    /// Intrinsics for the work-item's id in its group, along x, y and z.
    pub item_id: [&'static str; 3],
    /// Intrinsics for the work-group's id, along x, y and z.
    pub group_id: [&'static str; 3],
    /// The intrinsic that ends a work-item's run.
    pub end_item: &'static str,
    /// Synchronisation scope of a work-group. That of the whole system has no name in any family.
    pub workgroup_scope: &'static str,
    /// Synchronisation scope of a device.
    pub device_scope: &'static str,
    /// The assembler's instruction for a read-modify-write operation of the whole system, if LLVM's own would have a narrower scope:
    /// made of `geobacter_lang`'s names for operation and type.
    pub system_atomic: fn(&str, &str) -> Option<String>,
}

/// Numbers of address spaces. The generic one is 0 in all families.
pub struct Spaces {
    /// Memory of the device and of whatever else it reaches.
    pub global: u32,
    /// LDS.
    pub lds: u32,
    /// Constants of the code.
    pub constant: u32,
    /// Stack slots.
    pub private: u32,
}

/// The generic address space.
pub const GENERIC: u32 = 0;

/// The axes' names.
pub const AXES: [&str; 3] = ["x", "y", "z"];
