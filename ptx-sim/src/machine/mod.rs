//! The machine that executes decoded code: warps, blocks, launches. It knows no instruction's name.

pub mod block;
pub mod code;
pub mod env;
pub mod launch;
pub mod schedule;
pub mod value;
pub mod warp;
