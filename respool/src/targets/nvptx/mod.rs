//! NVIDIA GPUs: PTX text for the CUDA driver, after LLVM's *User Guide for NVPTX Back-end* and NVIDIA's *PTX ISA*.

use std::path::Path;

use geobacter_spool::{descriptor::KernelDescriptor, job::KernelResources};
use inkwell::targets::InitializationConfig;
use llvm_sys::target_machine::LLVMCodeGenFileType;

use super::{
    KernelLowering, Target,
    gpu::{Dialect, GENERIC, Gpu, Spaces, barrier_of_all, fault, intrinsics, lds, print},
};
use crate::{
    error::Error,
    ir::{Ir, Value},
    passes::{address_spaces::AddressSpaces, approximations::Approximations},
};

mod all_are_here;
mod argument_pointers;
mod barrier;
mod constant_loads;
mod hidden;
mod kernel;
mod large_lds;
mod line_directives;
mod occupancy;
mod processor;
mod remainder;
mod resources;
mod system_atomics;
mod waves;

pub use occupancy::warps_per_scheduler;
pub use processor::NAMES;
use processor::Processor;

/// Numbers of LLVM's *User Guide for NVPTX Back-end*, section "Address Spaces". Constants are in global memory: the constant
/// memory holds 64 KiB, and serves one address of a wave at a time. Stack slots are generic; LLVM moves them at the end.
static DIALECT: Dialect = Dialect {
    platform: 2,
    spaces: Spaces { global: 1, lds: 3, constant: 1, private: GENERIC },
    item_id: ["llvm.nvvm.read.ptx.sreg.tid.x", "llvm.nvvm.read.ptx.sreg.tid.y", "llvm.nvvm.read.ptx.sreg.tid.z"],
    group_id: ["llvm.nvvm.read.ptx.sreg.ctaid.x", "llvm.nvvm.read.ptx.sreg.ctaid.y", "llvm.nvvm.read.ptx.sreg.ctaid.z"],
    end_item: "llvm.nvvm.exit",
    workgroup_scope: "block",
    device_scope: "device",
    system_atomic: system_atomics::instruction,
};

/// Work-items in a wave, which NVIDIA calls a warp.
const WAVE_SIZE: u32 = 32;

/// One NVIDIA GPU.
struct NvidiaGpu {
    processor: &'static Processor,
}

/// The NVIDIA GPU with this name.
pub fn find(name: &str) -> Option<Box<dyn Target>> {
    Processor::find(name).map(|processor| Box::new(NvidiaGpu { processor }) as Box<dyn Target>)
}

impl NvidiaGpu {
    fn gpu(&self) -> Gpu<'static> {
        Gpu { name: self.processor.name, wave_size: WAVE_SIZE, dialect: &DIALECT }
    }
}

impl Target for NvidiaGpu {
    fn name(&self) -> &str {
        self.processor.name
    }

    fn triple(&self) -> &'static str {
        "nvptx64-nvidia-cuda"
    }

    fn processor(&self) -> &str {
        self.processor.name
    }

    fn features(&self) -> &str {
        self.processor.version
    }

    fn address_spaces(&self) -> AddressSpaces {
        let Spaces { global, constant, private, .. } = DIALECT.spaces;
        AddressSpaces { stack: private, constant, global }
    }

    fn approximations(&self) -> Option<Approximations> {
        // Those that take subnormal numbers for zero: the others are several instructions.
        Some(Approximations {
            sin: "llvm.nvvm.sin.approx.ftz.f",
            cos: "llvm.nvvm.cos.approx.ftz.f",
            exp2: "llvm.nvvm.ex2.approx.ftz.f32",
            log2: "llvm.nvvm.lg2.approx.ftz.f",
            tanh: self.processor.has_tanh().then_some("llvm.tanh.f32"),
        })
    }

    fn initialize_backend(&self) {
        inkwell::targets::Target::initialize_nvptx(&InitializationConfig::default());
    }

    fn lower(&self, lowering: &KernelLowering<'_, '_>) -> Result<Value, Error> {
        let gpu = self.gpu();
        remainder::run(lowering, gpu)?;
        fault::lower(lowering, gpu);
        print::lower(lowering, gpu)?;
        intrinsics::lower(lowering, gpu)?;
        kernel::add(lowering, gpu)
    }

    fn lower_group_scope(&self, lowering: &KernelLowering<'_, '_>, kernel: Value) -> Result<(), Error> {
        let gpu = self.gpu();
        lds::lower(lowering, gpu)?;
        waves::lower(lowering, kernel, gpu)?;
        barrier_of_all::lower(lowering, kernel, gpu, all_are_here::definition)?;
        barrier::lower(lowering, gpu)?;
        large_lds::run(lowering.module);
        Ok(())
    }

    /// Hidden arguments are parameters of the kernel function, and what a buffer's address is, is seen there, too.
    fn inlines_first(&self) -> bool {
        true
    }

    fn finish(&self, lowering: &KernelLowering<'_, '_>, kernel: Value) -> Result<(), Error> {
        hidden::replace(lowering.module, kernel);
        argument_pointers::run(lowering.module.context(), kernel);
        constant_loads::run(lowering.module.context(), kernel, lowering.descriptor);
        Ok(())
    }

    fn optimisation(&self) -> &'static str {
        "function(infer-address-spaces),default<O3>"
    }

    fn before_emission(&self, module: &Ir<'_>) -> Option<String> {
        line_directives::only(&module.to_text())
    }

    fn code_file(&self) -> LLVMCodeGenFileType {
        LLVMCodeGenFileType::LLVMAssemblyFile
    }

    /// PTX is what the driver takes.
    fn link(&self, _kernel: &str, object: &[u8], _sysroot: &Path) -> Result<Vec<u8>, Error> {
        Ok(object.to_owned())
    }

    fn resources(
        &self,
        code_object: &[u8],
        export: &str,
        descriptor: &KernelDescriptor,
    ) -> Result<KernelResources, Error> {
        resources::read(code_object, export, descriptor, self.gpu())
    }
}
