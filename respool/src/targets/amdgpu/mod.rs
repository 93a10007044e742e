//! AMD GPUs: code objects for the HSA loader, after LLVM's *User Guide for AMDGPU Backend*.

use std::path::Path;

use geobacter_spool::{descriptor::KernelDescriptor, job::KernelResources};

use inkwell::targets::InitializationConfig;

use super::{KernelLowering, Target};
use crate::{
    error::Error,
    ir::Value,
    passes::{address_spaces::AddressSpaces, approximations::Approximations},
};

mod atomics;
mod barrier;
mod barrier_of_all;
mod code_object;
mod definitions;
mod fault;
mod intrinsics;
mod kernel;
mod lds;
mod link;
mod occupancy;
mod print;
mod processor;

pub use processor::NAMES;
use processor::Processor;

/// Address spaces of the AMDGPU back end.
mod address_space {
    pub const GENERIC: u32 = 0;
    pub const GLOBAL: u32 = 1;
    pub const LDS: u32 = 3;
    pub const CONSTANT: u32 = 4;
    pub const PRIVATE: u32 = 5;
}

unsafe extern "C" {
    // Missing from llvm-sys; libLLVM exports it, so geobacter-llvm defines it.
    fn LLVMInitializeAMDGPUDisassembler();
}

/// One AMD GPU.
struct AmdGpu {
    processor: &'static Processor,
}

/// The AMD GPU with this name.
pub fn find(name: &str) -> Option<Box<dyn Target>> {
    Processor::find(name).map(|processor| Box::new(AmdGpu { processor }) as Box<dyn Target>)
}

impl Target for AmdGpu {
    fn name(&self) -> &str {
        self.processor.name
    }

    fn triple(&self) -> &'static str {
        "amdgcn-amd-amdhsa"
    }

    fn processor(&self) -> &str {
        self.processor.name
    }

    fn address_spaces(&self) -> AddressSpaces {
        AddressSpaces {
            stack: address_space::PRIVATE,
            constant: address_space::CONSTANT,
            global: address_space::GLOBAL,
        }
    }

    fn approximations(&self) -> Option<Approximations> {
        // LLVM adds to the instructions what makes them right for subnormal numbers.
        Some(Approximations {
            sin: "llvm.sin.f32",
            cos: "llvm.cos.f32",
            exp2: "llvm.exp2.f32",
            log2: "llvm.log2.f32",
            tanh: None,
        })
    }

    fn initialize_backend(&self) {
        inkwell::targets::Target::initialize_amd_gpu(&InitializationConfig::default());
        // SAFETY: no precondition but a loaded LLVM; LLVM's registry takes a second registration of the same.
        unsafe { LLVMInitializeAMDGPUDisassembler() };
    }

    fn lower(&self, lowering: &KernelLowering<'_, '_>) -> Result<Value, Error> {
        fault::lower(lowering);
        print::lower(lowering, self.name())?;
        intrinsics::lower(lowering, self.processor)?;
        kernel::add(lowering, self.name())
    }

    fn lower_group_scope(&self, lowering: &KernelLowering<'_, '_>, kernel: Value) -> Result<(), Error> {
        lds::lower(lowering, self.name())?;
        barrier_of_all::lower(lowering, kernel, self.processor)?;
        barrier::lower(lowering, self.name())
    }

    fn link(&self, kernel: &str, object: &[u8], sysroot: &Path) -> Result<Vec<u8>, Error> {
        link::link(kernel, self.name(), object, sysroot)
    }

    fn resources(
        &self,
        code_object: &[u8],
        export: &str,
        descriptor: &KernelDescriptor,
    ) -> Result<KernelResources, Error> {
        code_object::resources(code_object, export, descriptor, self.processor)
    }
}
