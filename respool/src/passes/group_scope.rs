//! The intrinsics of group and wave scope, and what has to happen before they are lowered.
//!
//! LDS belongs to the place in the source that asks for it. A function that asks is generic and called from several places,
//! so everything is inlined first: then each place is a call of its own.

use std::ptr;

use super::stack_assumptions;
use crate::ir::{Ir, Value};

/// Waits for the group.
pub const BARRIER: &str = "__gb_barrier";
/// Waits for the group, and ends it if an item has panicked.
pub const BARRIER_OF_ALL: &str = "__gb_barrier_of_all";
/// Called by an item that has panicked, in modules that have a [`BARRIER_OF_ALL`]. No function of the device language: targets
/// call it where they define panics, and define it.
pub const ITEM_PANICKED: &str = "__gb_item_panicked";
/// LDS of its own for each call.
pub const LDS: &str = "__gb_lds";
/// LDS that all calls share.
pub const LDS_TEMPORARY: &str = "__gb_lds_temporary";
/// LDS that is sized at launch.
pub const LDS_DYNAMIC: &str = "__gb_lds_dynamic";

/// Says that a value is the same for all lanes of the wave.
pub const WAVE_UNIFORM: &str = "__gb_wave_uniform";
/// Ends the wave if a lane has panicked.
pub const WAVE_OF_ALL: &str = "__gb_wave_of_all";
/// A bit for each lane.
pub const WAVE_BALLOT: &str = "__gb_wave_ballot";
/// The first lane's value.
pub const WAVE_READ_FIRST: &str = "__gb_wave_read_first";
/// One lane's value.
pub const WAVE_READ: &str = "__gb_wave_read";
/// Another lane's value, for each lane.
pub const WAVE_SHUFFLE: &str = "__gb_wave_shuffle";
/// The same, of the lane whose number differs in some bits.
pub const WAVE_SHUFFLE_XOR: &str = "__gb_wave_shuffle_xor";

/// What [`inline`] runs first.
///
/// Jump threading goes before the first `simplifycfg`: it takes the `None` of an iterator's `next` to the end of its loop. Otherwise a
/// `select` is made of it, the loop goes on asking whether an element's address is null, and nobody knows any more how often it turns.
const INLINE: &str =
    "always-inline,function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,jump-threading,simplifycfg)";
/// What it runs as long as there are assumptions about the stack to be dropped.
const TAKE_APART: &str = "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg)";
/// What it runs at the end.
const SIMPLIFY: &str = "function(sroa,gvn,instcombine<no-verify-fixpoint>,simplifycfg)";
/// Closures hold addresses of closures that hold those of a wave, and so on: no kernel is deeper than that.
const DEEPEST: usize = 16;

/// Inlines everything, and simplifies as far as `redundant_barriers` needs to see what a pointer points to, and what is not for this
/// device.
///
/// # Errors
/// What LLVM says.
pub fn inline(module: &Ir<'_>) -> Result<(), String> {
    // Without a machine: LLVM threads no jumps for one whose branches diverge. It is right here all the same: blocks with convergent
    // calls, which barriers are, are never duplicated.
    let run = |passes| module.run_passes(passes, ptr::null_mut());
    run(INLINE)?;
    for _ in 0..DEEPEST {
        if !stack_assumptions::drop(module) {
            break;
        }
        run(TAKE_APART)?;
    }
    run(SIMPLIFY)
}

const ALL: [&str; 13] = [
    BARRIER,
    BARRIER_OF_ALL,
    ITEM_PANICKED,
    LDS,
    LDS_TEMPORARY,
    LDS_DYNAMIC,
    WAVE_UNIFORM,
    WAVE_OF_ALL,
    WAVE_BALLOT,
    WAVE_READ_FIRST,
    WAVE_READ,
    WAVE_SHUFFLE,
    WAVE_SHUFFLE_XOR,
];

pub fn is_intrinsic(name: &str) -> bool {
    ALL.contains(&name)
}

/// Whether the module's kernel has a group scope.
pub fn is_used(module: &Ir<'_>) -> bool {
    ALL.iter().any(|name| module.function(name).is_some())
}

/// A group or a wave is complete if no item can panic, and who panics need not say so if no group asks. To be called when everything
/// is inlined and what cannot happen is gone.
pub fn drop_needless_barriers_of_all(module: &Ir<'_>) {
    let calls = |name| module.function(name).map(Value::users).unwrap_or_default();
    let drop = |name| {
        calls(name).into_iter().for_each(Value::erase);
        if let Some(function) = module.function(name) {
            function.delete_function();
        }
    };
    if calls(ITEM_PANICKED).is_empty() {
        [BARRIER_OF_ALL, WAVE_OF_ALL].into_iter().for_each(drop);
    }
    if calls(BARRIER_OF_ALL).is_empty() {
        [BARRIER_OF_ALL, ITEM_PANICKED].into_iter().for_each(drop);
    }
}
