//! From a kernel's host IR to device code.
//!
//! The order matters:
//! 1. C's memory functions get bodies; attributes of the host go, everything becomes inlinable and convergent;
//! 2. the target's data layout is set, and stack slots and globals move to its address spaces, before anything is
//!    optimised;
//! 3. in kernels with `fp(fast)`, functions of `f32` that the target has an approximation of become LLVM's intrinsics; the values of
//!    panics' messages are taken out of memory, for which everything is inlined;
//! 4. intrinsics and panics get bodies, and the kernel function is added;
//! 5. in kernels with group scope, everything is inlined, barriers that order nothing are dropped, and LDS and barriers get
//!    their meaning;
//! 6. what is left of those intrinsics becomes the target's approximations;
//! 7. LLVM's whole `O3` pipeline for the target;
//! 8. code is emitted, once: emission changes the module.

use std::{path::Path, ptr};

use geobacter_spool::{
    descriptor::KernelDescriptor,
    job::{CompileJob, CompiledKernel, Emit},
};
use inkwell::{
    OptimizationLevel,
    targets::{CodeModel, RelocMode, TargetMachine, TargetTriple},
};
use llvm_sys::target_machine::{LLVMCodeGenFileType, LLVMTargetMachineEmitToMemoryBuffer};

use crate::{
    error::Error,
    ir::{self, Context, Ir},
    llvm_options, llvm_workarounds,
    passes::{address_spaces, approximations, attributes, group_scope, library_calls, messages, redundant_barriers},
    spool,
    targets::{self, KernelLowering, Target},
};

/// Generates device code for one kernel.
///
/// # Errors
/// [`Error`]. What LLVM cannot do at all, it says by aborting the process: callers run this in one that they can lose.
pub fn compile(job: &CompileJob, sysroot: &Path) -> Result<CompiledKernel, Error> {
    let target = targets::find(&job.target)?;
    target.initialize_backend();
    llvm_workarounds::apply();
    llvm_options::move_private_arrays_to_lds(!job.checked);
    let context = Context::new();
    let module = Ir::parse(&context, &job.bitcode, false)
        .map_err(|reason| Error::Bitcode { what: format!("kernel {}", job.export), reason })?;
    if job.emit == Emit::SourceIr {
        return Ok(CompiledKernel { bytes: module.to_text().into_bytes(), resources: None });
    }
    let descriptor = spool::descriptor_of(&module, &job.entry)?;
    let machine = machine(&*target, &job.export)?;
    retarget(&module, &*target, &machine, job, &descriptor)?;

    let llvm_failed =
        |what, reason| Error::Llvm { kernel: job.export.clone(), target: job.target.clone(), what, reason };
    module
        .run_passes(target.optimisation(), machine.as_mut_ptr())
        .map_err(|reason| llvm_failed("optimise it", reason))?;
    let module = match target.before_emission(&module) {
        None => module,
        Some(text) => {
            Ir::parse_text(&context, &text).map_err(|reason| llvm_failed("read its own assembly language", reason))?
        }
    };
    let emit = |kind| emit(&module, &machine, kind).map_err(|reason| llvm_failed("emit code for it", reason));
    let (bytes, resources) = match job.emit {
        Emit::LlvmIr | Emit::SourceIr => (module.to_text().into_bytes(), None),
        Emit::Assembly => (emit(LLVMCodeGenFileType::LLVMAssemblyFile)?, None),
        Emit::CodeObject => {
            let object = emit(target.code_file())?;
            if let [first, ..] = context.errors().as_slice() {
                return Err(llvm_failed("generate code for it", first.clone()));
            }
            let code_object = target.link(&job.export, &object, sysroot)?;
            let resources = target.resources(&code_object, &job.export, &descriptor)?;
            (code_object, Some(resources))
        }
    };
    match context.errors().as_slice() {
        [] => Ok(CompiledKernel { bytes, resources }),
        errors => Err(llvm_failed("generate code for it", errors.join("; "))),
    }
}

fn retarget(
    module: &Ir<'_>,
    target: &dyn Target,
    machine: &TargetMachine,
    job: &CompileJob,
    descriptor: &KernelDescriptor,
) -> Result<(), Error> {
    let invalid =
        |stage| move |reason| Error::Invalid { kernel: job.export.clone(), target: job.target.clone(), stage, reason };
    library_calls::run(module).map_err(invalid("defining memory functions"))?;
    attributes::run(module);
    let layout = machine.get_target_data().get_data_layout();
    module.set_target(target.triple(), &layout.as_str().to_string_lossy());
    address_spaces::run(module, target.address_spaces());
    let entry = module.function(&job.entry).ok_or_else(|| Error::Descriptor {
        kernel: job.entry.clone(),
        reason: "the entry function is missing".into(),
    })?;
    let approximations = target.approximations().filter(|target| approximations::choose(module, target));
    messages::run(module, entry).map_err(invalid("reading the values of messages"))?;
    let lowering = KernelLowering { module, entry, export: &job.export, descriptor, constants: &job.constants };
    let kernel = target.lower(&lowering)?;
    let has_group_scope = group_scope::is_used(module);
    if has_group_scope || approximations.is_some() || target.inlines_first() {
        group_scope::inline(module).map_err(invalid("inlining"))?;
    }
    if has_group_scope {
        group_scope::drop_needless_barriers_of_all(module);
        redundant_barriers::run(kernel, target.address_spaces());
        target.lower_group_scope(&lowering, kernel)?;
    }
    if let Some(approximations) = &approximations {
        approximations::lower(module, approximations).map_err(invalid("approximating functions"))?;
    }
    target.finish(&lowering, kernel)?;
    module.verify().map_err(invalid("retargeting"))
}

fn machine(target: &dyn Target, kernel: &str) -> Result<TargetMachine, Error> {
    let failed = |reason: String| Error::Llvm {
        kernel: kernel.to_owned(),
        target: target.name().to_owned(),
        what: "make a code generator for it",
        reason,
    };
    let triple = TargetTriple::create(target.triple());
    inkwell::targets::Target::from_triple(&triple)
        .map_err(|message| failed(message.to_string()))?
        .create_target_machine(
            &triple,
            target.processor(),
            target.features(),
            OptimizationLevel::Aggressive,
            RelocMode::PIC,
            CodeModel::Default,
        )
        .ok_or_else(|| failed(format!("LLVM knows no processor `{}`", target.processor())))
}

fn emit(module: &Ir<'_>, machine: &TargetMachine, kind: LLVMCodeGenFileType) -> Result<Vec<u8>, String> {
    let (mut message, mut buffer) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: machine and module live; LLVM gives either a buffer or a message, each of which is ours to free.
    unsafe {
        let failed =
            LLVMTargetMachineEmitToMemoryBuffer(machine.as_mut_ptr(), module.raw(), kind, &mut message, &mut buffer);
        if failed != 0 {
            return Err(ir::take_message(message));
        }
        let bytes = ir::buffer_bytes(buffer);
        llvm_sys::core::LLVMDisposeMemoryBuffer(buffer);
        Ok(bytes)
    }
}
