//! Switches off what is broken in the LLVM that the pinned toolchain has.

use std::sync::Once;

/// LLVM 22's straight-line strength reduction takes the difference of two `i1` values as a constant and applies it after
/// their sign extension: `p[-(a as isize)]` and `p[-(!a as isize)]` become one address and the other minus an element,
/// which is right for one value of `a` only. `core`'s `sort_unstable` has this code, and sorted wrongly on the simulator.
/// 22.1.8 still has it. LLVM has no option for the pass; its debug counter, which no count reaches, keeps it from
/// rewriting anything.
const NO_STRAIGHT_LINE_STRENGTH_REDUCTION: &std::ffi::CStr = c"-debug-counter=slsr-counter=4611686018427387903";

/// Applies all of them, once for the process. LLVM must have been loaded.
pub fn apply() {
    static APPLIED: Once = Once::new();
    APPLIED.call_once(|| {
        let arguments = [c"geobacter".as_ptr(), NO_STRAIGHT_LINE_STRENGTH_REDUCTION.as_ptr()];
        // SAFETY: two C strings, which live forever; LLVM's options are set before any pass runs, under the Once.
        unsafe {
            llvm_sys::support::LLVMParseCommandLineOptions(2, arguments.as_ptr(), c"".as_ptr());
        }
    });
}
