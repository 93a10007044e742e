//! The spool step: from what rustc left behind to a kernel archive.
//!
//! ```text
//! *.no-opt.bc, *.rlib → sources (which module defines what) → closure (one module with all that kernels reach)
//!     → normalize (no unwinding, panics by meaning) → one module for each kernel → floating_point (`fp(..)`)
//!     → check (what no device can do) → archive
//! ```
//! The result is still IR for the host, unoptimised: a device is chosen at run time.

mod check;
mod closure;
mod constant;
mod descriptor;
pub(crate) mod floating_point;
pub(crate) mod formatters;
pub(crate) mod math;
mod names;
mod normalize;
pub(crate) mod panics;
mod sources;

use geobacter_spool::{
    archive::{self, Kernel, KernelId},
    diagnostic::Diagnostic,
    job::{ExtractJob, Extracted},
};

use crate::{
    error::Error,
    ir::{Context, Ir, Value},
};

pub(crate) use descriptor::{DESCRIPTOR_INTRINSIC, read as descriptor_of};

/// Section of the entry functions: kernels are found by it.
pub const KERNEL_SECTION: &str = ".text.geobacter.kernel";

/// Collects every kernel instance of a program with all that it reaches, checks it, and writes the archive.
///
/// # Errors
/// [`Error`] if a file cannot be read or LLVM refuses its bitcode. What a device cannot do is no error here: it comes as
/// a diagnostic.
pub fn extract(job: &ExtractJob) -> Result<Extracted, Error> {
    let context = Context::new();
    let sources = sources::Sources::open(&context, &job.kernel_modules, &job.libraries)?;
    if sources.kernels().is_empty() {
        return Ok(Extracted { archive: Vec::new(), kernels: 0, diagnostics: Vec::new() });
    }
    let program = closure::link(&context, &sources)?;
    let bitcode = program.to_bitcode();

    let mut kernels = Vec::new();
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for symbol in sources.kernels() {
        let module = closure::cut_out(&context, &bitcode, symbol)?;
        let descriptor = descriptor::read(&module, symbol)?;
        floating_point::run(&module, descriptor.fp);
        closure::sweep(&module, symbol)?;
        let display_name = names::kernel(&descriptor, symbol);
        let found = check::check(&module, symbol, &display_name);
        if found.is_empty() {
            module.set_source_name(&descriptor.name);
            let bitcode = module.to_bitcode();
            let id = KernelId::of(symbol, &bitcode);
            kernels.push(Kernel { id, symbol: symbol.clone(), display_name, descriptor, bitcode });
        }
        diagnostics.extend(found);
    }
    if !diagnostics.is_empty() {
        return Ok(Extracted { archive: Vec::new(), kernels: 0, diagnostics });
    }
    let archive = archive::write(&job.producer, &kernels)?;
    Ok(Extracted { archive, kernels: kernels.len(), diagnostics })
}

/// Whether this name is one of the device language's own: an intrinsic that every target lowers.
fn is_language_intrinsic(name: &str) -> bool {
    name.starts_with("__gb_")
}

/// Whether this is a kernel's entry function. rustc makes it local to its module where nothing else refers to it.
fn is_entry(global: Value) -> bool {
    global.is_function() && global.section() == KERNEL_SECTION
}

/// Gives every function whose body the linker may take a linkage that makes it be taken only when it is needed.
fn link_on_demand(module: &Ir<'_>) {
    use llvm_sys::LLVMLinkage;
    for global in module.functions().chain(module.globals()) {
        let name = global.name();
        if name.starts_with("llvm.") {
            // `llvm.used` and its like hold references that are for the host's linker.
            if global.is_global_variable() {
                global.delete_global();
            }
        } else if !global.is_declaration() && (!global.has_local_linkage() || is_entry(global)) {
            global.clear_comdat();
            global.set_linkage(LLVMLinkage::LLVMLinkOnceODRLinkage);
        }
    }
    if module.has_module_assembly() {
        module.clear_module_assembly();
    }
}
