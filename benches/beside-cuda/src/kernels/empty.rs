//! A kernel that does nothing: what remains is the launch.
#![forbid(unsafe_code)]

use geobacter::prelude::*;

/// Nothing.
#[kernel(workgroup = 256)]
pub fn empty(_item: Item<1>) {}
