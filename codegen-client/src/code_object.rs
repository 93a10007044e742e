//! The questions that a kernel's device code answers, asked in the same words at build time and at run time: so what a build has
//! made, a later run finds in the disk cache, and the other way round.

use geobacter_spool::{
    archive::{Kernel, KernelId, Producer},
    job::{CompileJob, CompiledKernel, DisassembleJob, Emit, Instruction},
};

use crate::{CacheKey, DiskCache};

/// Versions of everything that device code depends on beside its bitcode: a part of every cache key.
pub fn compiler_version(producer: &Producer) -> String {
    format!("rustc {}, LLVM {}, worker {}", producer.rustc, producer.llvm, producer.worker_build)
}

/// One kernel instance for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRequest {
    /// The kernel.
    pub kernel: KernelId,
    /// What the worker is asked.
    pub job: CompileJob,
}

impl CodeRequest {
    /// A code object of this kernel for this target (`gfx942`). `checked`: for a device that checks accesses to LDS.
    /// `constants`: [`CompileJob::constants`].
    pub fn new(kernel: Kernel, target: &str, checked: bool, constants: &[u8]) -> Self {
        let mut export = format!("{}_{}", kernel.descriptor.name, kernel.id.short());
        if !constants.is_empty() {
            // Variants of one kernel have names that tell them apart.
            export.push_str(&format!("_{}", &blake3::hash(constants).to_hex()[..8]));
        }
        let job = CompileJob {
            export,
            constants: constants.to_vec(),
            bitcode: kernel.bitcode,
            entry: kernel.symbol,
            target: target.to_owned(),
            emit: Emit::CodeObject,
            checked,
        };
        Self { kernel: kernel.id, job }
    }

    /// The answer, from the cache or from `compile`, and kept there. `compiler` is [`compiler_version`]'s.
    ///
    /// # Errors
    /// What `compile` says.
    pub fn get<E>(
        &self,
        compiler: &str,
        cache: Option<&DiskCache>,
        compile: impl FnOnce(CompileJob) -> Result<CompiledKernel, E>,
    ) -> Result<CompiledKernel, E> {
        let CompileJob { export, target, emit, checked, constants, .. } = &self.job;
        // The id is the hash of symbol and bitcode: hashing those again would say no more.
        let question = (self.kernel, export, target, emit, checked, constants);
        let key = CacheKey::of("code-object", compiler, &question, format!("{export} for {target}"));
        DiskCache::get_or_compute(cache, &key, || compile(self.job.clone()))
    }
}

/// The text of machine code, from the cache or from `disassemble`, and kept there. `compiler` is [`compiler_version`]'s.
///
/// # Errors
/// What `disassemble` says.
pub fn disassembly<E>(
    job: DisassembleJob,
    compiler: &str,
    cache: Option<&DiskCache>,
    disassemble: impl FnOnce(DisassembleJob) -> Result<Vec<Instruction>, E>,
) -> Result<Vec<Instruction>, E> {
    let what = format!("{} bytes of {} code", job.code.len(), job.target);
    let key = CacheKey::of("disassembly", compiler, &job, what);
    DiskCache::get_or_compute(cache, &key, || disassemble(job))
}
