//! The intrinsics of group scope, and what has to happen before they are lowered.
//!
//! LDS belongs to the place in the source that asks for it. A function that asks is generic and called from several places,
//! so everything is inlined first: then each place is a call of its own.

use crate::ir::Ir;

/// Waits for the group.
pub const BARRIER: &str = "__gb_barrier";
/// LDS of its own for each call.
pub const LDS: &str = "__gb_lds";
/// LDS that all calls share.
pub const LDS_TEMPORARY: &str = "__gb_lds_temporary";
/// LDS that is sized at launch.
pub const LDS_DYNAMIC: &str = "__gb_lds_dynamic";

/// Inlines, and simplifies as far as `redundant_barriers` needs to see what a pointer points to.
pub const INLINE: &str = "always-inline,function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,sroa,gvn,instcombine<no-verify-fixpoint>,simplifycfg)";

pub fn is_intrinsic(name: &str) -> bool {
    [BARRIER, LDS, LDS_TEMPORARY, LDS_DYNAMIC].contains(&name)
}

/// Whether the module's kernel has a group scope.
pub fn is_used(module: &Ir<'_>) -> bool {
    [BARRIER, LDS, LDS_TEMPORARY, LDS_DYNAMIC].iter().any(|name| module.function(name).is_some())
}
