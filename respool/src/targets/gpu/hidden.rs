//! What a launch gives a kernel beside its arguments: where its fault record is, and the buffer that it prints into.
//!
//! Panics and lines ask for them by two functions, which the family defines or replaces, since each has its own way to hand
//! something to a kernel behind its arguments.

use crate::ir::{Ir, Value};

/// Gives the address of the launch's fault record, in global memory.
pub const FAULT_RECORD: &str = "__gb_fault_record";
/// Gives the address of the launch's output buffer, in global memory.
pub const OUTPUT_BUFFER: &str = "__gb_output_buffer";

/// Whether this is the name of one of them.
pub fn is_intrinsic(name: &str) -> bool {
    [FAULT_RECORD, OUTPUT_BUFFER].contains(&name)
}

/// The function that gives the fault record, declared if it is not there. A call of it accesses no memory, as far as the language's
/// passes are concerned: nothing that a kernel writes changes what it gives.
pub fn fault_record(module: &Ir<'_>, global: u32) -> Value {
    let context = module.context();
    let function = module.declare(FAULT_RECORD, context.function(context.pointer(global), &[]));
    for name in ["nounwind", "willreturn"] {
        function.add_function_attribute(context.attribute(name, 0));
    }
    function.add_function_attribute(context.attribute("memory", 0));
    function
}
