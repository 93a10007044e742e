//! Links what kernels reach into one module, and nothing else.
//!
//! Every definition of a source gets a linkage by which LLVM's linker takes it only when something refers to it, and
//! sources are parsed lazily, so that of a library like `core` only the needed functions are ever read. A source that is
//! needed twice is parsed twice.

use std::collections::HashSet;

use llvm_sys::LLVMLinkage;

use super::{is_language_intrinsic, link_on_demand, math, normalize, panics, sources::Sources};
use crate::{
    error::Error,
    ir::{Context, Ir, Value},
};

/// All kernels of the program in one module, with everything that they reach and that has bitcode.
pub fn link<'c>(context: &'c Context, sources: &Sources) -> Result<Ir<'c>, Error> {
    let program = Ir::new(context, "geobacter");
    let entry = context.function(context.void(), &[context.pointer(0)]);
    // What nothing refers to is swept between two links, so the roots are declared anew each time.
    let declare_roots = || {
        sources.kernels().iter().for_each(|kernel| {
            program.declare(kernel, entry);
        })
    };
    declare_roots();
    // Symbols that no source could give.
    let mut missing: HashSet<String> = HashSet::new();
    loop {
        let wanted = program.functions().chain(program.globals()).find_map(|value| {
            let name = wanted(&program, value)?;
            if missing.contains(&name) {
                return None;
            }
            match sources.defining(&name) {
                Some(index) => Some((name, index)),
                None => {
                    missing.insert(name);
                    None
                }
            }
        });
        let Some((name, index)) = wanted else { break };
        let Some(source) = sources.parse(context, index)? else {
            missing.insert(name);
            continue;
        };
        link_on_demand(&source);
        program.link(source).map_err(|reason| Error::Bitcode { what: format!("linking {name}"), reason })?;
        // A symbol table may promise what the bitcode does not hold.
        if program.function(&name).or_else(|| program.global(&name)).is_some_and(Value::is_declaration) {
            missing.insert(name);
        }
        for kernel in sources.kernels() {
            if let Some(kernel) = program.function(kernel) {
                kernel.set_linkage(LLVMLinkage::LLVMExternalLinkage);
            }
        }
        normalize::normalize(&program)?;
        declare_roots();
    }
    Ok(program)
}

/// The name of a declaration that a source should define.
fn wanted(program: &Ir<'_>, value: Value) -> Option<String> {
    if !value.is_declaration() {
        return None;
    }
    let name = value.name();
    let root = program.function(&name).is_some_and(|f| f == value && !value.has_uses());
    let known = name.starts_with("llvm.") || is_language_intrinsic(&name) && !name.starts_with(math::PREFIX);
    (!known && (value.has_uses() || root) && panics::meaning(&name).is_none()).then_some(name)
}

/// One kernel of the program with what it reaches, as a module of its own, with all debug information.
pub fn cut_out<'c>(context: &'c Context, program: &[u8], kernel: &str) -> Result<Ir<'c>, Error> {
    let failed = |reason| Error::Bitcode { what: format!("kernel {kernel}"), reason };
    let source = Ir::parse(context, program, true).map_err(failed)?;
    link_on_demand(&source);
    let module = Ir::new(context, "geobacter");
    module.declare(kernel, context.function(context.void(), &[context.pointer(0)]));
    module.link(source).map_err(failed)?;
    if let Some(entry) = module.function(kernel) {
        entry.set_linkage(LLVMLinkage::LLVMExternalLinkage);
    }
    Ok(module)
}

/// Removes from a kernel's module what no device needs: what is not reached, and debug information beyond line tables.
pub fn sweep(module: &Ir<'_>, kernel: &str) -> Result<(), Error> {
    module
        .run_passes(
            "strip-nonlinetable-debuginfo,globaldce,strip-dead-prototypes,strip-dead-debug-info",
            std::ptr::null_mut(),
        )
        .map_err(|reason| Error::Bitcode { what: format!("kernel {kernel}"), reason })
}
