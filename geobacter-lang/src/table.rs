//! Kernels by name: the table of `geobacter-instance`, with what a kernel's declaration says.

use geobacter_instance as instance;

use crate::descriptor::LaunchDescriptor;

/// A kernel instance as an entry of a [`KernelTable`]: `#[kernel]` gives each kernel a function `table_entry`.
pub type KernelEntry = instance::KernelEntry<LaunchDescriptor>;

/// Kernels by name. With [`CONST_IDS`](instance::CONST_IDS), a `static` that is checked when it is compiled.
pub type KernelTable<const N: usize> = instance::KernelTable<N, LaunchDescriptor>;
