//! AMD GPUs: code objects for the HSA loader, after LLVM's *User Guide for AMDGPU Backend*.

use std::path::Path;

use geobacter_spool::{descriptor::KernelDescriptor, job::KernelResources};

use inkwell::targets::InitializationConfig;

use super::{
    KernelLowering, Target,
    gpu::{Dialect, Gpu, Spaces, barrier_of_all, fault, intrinsics, lds, print},
};
use crate::{
    error::Error,
    ir::Value,
    passes::{address_spaces::AddressSpaces, approximations::Approximations},
};

mod all_are_here;
mod barrier;
mod code_object;
mod hidden;
mod kernel;
mod link;
mod occupancy;
mod processor;
mod waves;

pub use processor::NAMES;
use processor::Processor;

/// Names and numbers of LLVM's *User Guide for AMDGPU Backend*: sections "Address Spaces" and "Memory Scopes".
static DIALECT: Dialect = Dialect {
    platform: 1,
    spaces: Spaces { global: 1, lds: 3, constant: 4, private: 5 },
    item_id: ["llvm.amdgcn.workitem.id.x", "llvm.amdgcn.workitem.id.y", "llvm.amdgcn.workitem.id.z"],
    group_id: ["llvm.amdgcn.workgroup.id.x", "llvm.amdgcn.workgroup.id.y", "llvm.amdgcn.workgroup.id.z"],
    end_item: "llvm.amdgcn.endpgm",
    workgroup_scope: "workgroup",
    device_scope: "agent",
    system_atomic: |_, _| None,
};

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

impl AmdGpu {
    fn gpu(&self) -> Gpu<'static> {
        Gpu { name: self.processor.name, wave_size: self.processor.wave_size, dialect: &DIALECT }
    }
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
        let Spaces { global, constant, private, .. } = DIALECT.spaces;
        AddressSpaces { stack: private, constant, global }
    }

    fn approximations(&self) -> Option<Approximations> {
        // The instructions take subnormal numbers for zero; LLVM's own intrinsics add several to make up for it. An angle is theirs,
        // since the instructions want it as a part of a turn, in a range that depends on the processor.
        Some(Approximations {
            sin: "llvm.sin.f32",
            cos: "llvm.cos.f32",
            exp2: "llvm.amdgcn.exp2.f32",
            log2: "llvm.amdgcn.log.f32",
            tanh: None,
        })
    }

    fn initialize_backend(&self) {
        inkwell::targets::Target::initialize_amd_gpu(&InitializationConfig::default());
        // SAFETY: no precondition but a loaded LLVM; LLVM's registry takes a second registration of the same.
        unsafe { LLVMInitializeAMDGPUDisassembler() };
    }

    fn lower(&self, lowering: &KernelLowering<'_, '_>) -> Result<Value, Error> {
        let gpu = self.gpu();
        fault::lower(lowering, gpu);
        print::lower(lowering, gpu)?;
        hidden::lower(lowering, gpu)?;
        intrinsics::lower(lowering, gpu)?;
        kernel::add(lowering, gpu)
    }

    fn lower_group_scope(&self, lowering: &KernelLowering<'_, '_>, kernel: Value) -> Result<(), Error> {
        let gpu = self.gpu();
        lds::lower(lowering, gpu)?;
        waves::lower(lowering, kernel, gpu, self.processor.has_row_xmask)?;
        barrier_of_all::lower(lowering, kernel, gpu, || all_are_here::definition(lowering.descriptor.workgroup, gpu))?;
        barrier::lower(lowering, gpu)
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
