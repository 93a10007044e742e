//! The devices that code is generated for: one folder a family.
//!
//! A [`Target`] says what the shared passes need to know (triple, address spaces), lowers the device language's
//! intrinsics, panics and entry function, and turns LLVM's object file into what the device's loader takes. A new back
//! end is a new folder and one line in the list of families. What GPUs have in common is in `gpu`.

use std::path::Path;

use geobacter_spool::{descriptor::KernelDescriptor, job::KernelResources};
use llvm_sys::target_machine::LLVMCodeGenFileType;

use crate::{
    error::Error,
    ir::Ir,
    ir::Value,
    passes::{address_spaces::AddressSpaces, approximations::Approximations},
};

pub mod amdgpu;
pub(crate) mod gpu;
pub mod nvptx;

/// One device that code can be generated for.
pub trait Target {
    /// Its name: `gfx942`.
    fn name(&self) -> &str;

    /// LLVM's name for the family: `amdgcn-amd-amdhsa`.
    fn triple(&self) -> &'static str;

    /// LLVM's name for the processor.
    fn processor(&self) -> &str;

    /// What else LLVM needs to be told of the processor, as `llc -mattr` takes it.
    fn features(&self) -> &str {
        ""
    }

    /// Where it keeps what.
    fn address_spaces(&self) -> AddressSpaces;

    /// Its approximations of `f32` functions, for `fp(fast)`; `None` if it has none.
    fn approximations(&self) -> Option<Approximations> {
        None
    }

    /// Makes LLVM's back end for the family known; may be called often.
    fn initialize_backend(&self);

    /// Gives every intrinsic of the device language a body, panics included, and adds the kernel function, which it returns.
    /// What belongs to group scope is left for [`lower_group_scope`](Self::lower_group_scope).
    fn lower(&self, kernel: &KernelLowering<'_, '_>) -> Result<Value, Error>;

    /// Gives LDS and barriers their meaning. Everything is inlined by then into `kernel`, what [`lower`](Self::lower) gave, so that
    /// each place in the source that asks for LDS is one call for each time that it is reached.
    fn lower_group_scope(&self, lowering: &KernelLowering<'_, '_>, kernel: Value) -> Result<(), Error>;

    /// Whether everything is inlined into the kernel before [`finish`](Self::finish), also where there is no group scope.
    fn inlines_first(&self) -> bool {
        false
    }

    /// The last of the target's own passes before the optimiser.
    fn finish(&self, lowering: &KernelLowering<'_, '_>, kernel: Value) -> Result<(), Error> {
        let _ = (lowering, kernel);
        Ok(())
    }

    /// The optimiser's passes, in the syntax of `opt -passes=`.
    fn optimisation(&self) -> &'static str {
        "default<O3>"
    }

    /// What is emitted in place of the optimised module, in LLVM's assembly language; `None`: the module itself.
    fn before_emission(&self, module: &Ir<'_>) -> Option<String> {
        let _ = module;
        None
    }

    /// Which of LLVM's outputs [`link`](Self::link) takes.
    fn code_file(&self) -> LLVMCodeGenFileType {
        LLVMCodeGenFileType::LLVMObjectFile
    }

    /// Links LLVM's object file into what the device's loader takes, with the linker of the toolchain at `sysroot`.
    fn link(&self, kernel: &str, object: &[u8], sysroot: &Path) -> Result<Vec<u8>, Error>;

    /// Reads back what the kernel takes, and checks it against the descriptor.
    fn resources(
        &self,
        code_object: &[u8],
        export: &str,
        descriptor: &KernelDescriptor,
    ) -> Result<KernelResources, Error>;
}

/// What [`Target::lower`] works on.
pub struct KernelLowering<'a, 'c> {
    /// The module, with the target's layout.
    pub module: &'a Ir<'c>,
    /// The instance's entry function.
    pub entry: Value,
    /// The symbol that the kernel shall have.
    pub export: &'a str,
    /// Its launch descriptor.
    pub descriptor: &'a KernelDescriptor,
    /// [`CompileJob::constants`](geobacter_spool::job::CompileJob::constants).
    pub constants: &'a [u8],
}

/// A family of targets.
struct Family {
    names: &'static [&'static str],
    find: fn(&str) -> Option<Box<dyn Target>>,
}

const FAMILIES: &[Family] =
    &[Family { names: amdgpu::NAMES, find: amdgpu::find }, Family { names: nvptx::NAMES, find: nvptx::find }];

/// The target with this name.
///
/// # Errors
/// [`Error::UnknownTarget`], which lists the names.
pub fn find(name: &str) -> Result<Box<dyn Target>, Error> {
    FAMILIES
        .iter()
        .find_map(|family| (family.find)(name))
        .ok_or_else(|| Error::UnknownTarget { target: name.to_owned(), known: names().join(", ") })
}

/// The names of all targets.
pub fn names() -> Vec<&'static str> {
    FAMILIES.iter().flat_map(|family| family.names).copied().collect()
}
