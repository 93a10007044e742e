//! Where the text of machine code comes from: LLVM's disassembler, which lives in the code generation worker.

use std::sync::Arc;

use geobacter_codegen_client::{DiskCache, Worker, disassembly};
use geobacter_spool::job::{DisassembleJob, Instruction};

/// Makes text of machine code, in the syntax of LLVM's AMDGPU assembler.
pub trait Disassembler: Send + Sync {
    /// Disassembles code for a target such as `gfx942`. Bytes that are no instruction come as four-byte entries with
    /// empty text.
    ///
    /// # Errors
    /// Says why it cannot be done.
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String>;
}

/// The disassembler of a code generation worker, its answers kept in the disk cache.
#[derive(Debug)]
pub struct WorkerDisassembler {
    worker: Arc<Worker>,
    cache: Option<DiskCache>,
    compiler: String,
}

impl WorkerDisassembler {
    /// A disassembler that asks this worker. `compiler` names the versions that the answers depend on.
    pub fn new(worker: Arc<Worker>, cache: Option<DiskCache>, compiler: impl Into<String>) -> Self {
        Self { worker, cache, compiler: compiler.into() }
    }
}

impl Disassembler for WorkerDisassembler {
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        let job = DisassembleJob { target: target.to_owned(), code: code.to_vec() };
        disassembly(job, &self.compiler, self.cache.as_ref(), |job| self.worker.disassemble(job))
            .map_err(|error| error.to_string())
    }
}
