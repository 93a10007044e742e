//! Functions that are written in LLVM's assembly language and linked into the kernel's module.

use llvm_sys::LLVMLinkage;

use super::{Gpu, KernelLowering};
use crate::{error::Error, ir::Ir};

/// Links `text` into the module, where the functions that `is_theirs` names become local. `stage` says for an error what was
/// being done.
pub fn add(
    lowering: &KernelLowering<'_, '_>,
    gpu: Gpu<'_>,
    stage: &'static str,
    text: &str,
    is_theirs: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let module = lowering.module;
    let invalid =
        |reason| Error::Invalid { kernel: lowering.export.to_owned(), target: gpu.name.to_owned(), stage, reason };
    let definitions = Ir::parse_text(module.context(), text).map_err(invalid)?;
    definitions.set_target_of(module);
    module.link(definitions).map_err(invalid)?;
    for function in module.functions().filter(|function| !function.is_declaration() && is_theirs(&function.name())) {
        function.set_linkage(LLVMLinkage::LLVMInternalLinkage);
    }
    Ok(())
}
