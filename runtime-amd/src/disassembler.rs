//! The text of device code for the simulator: what the program carries beside the code, or what the worker says.

use std::sync::{Mutex, PoisonError};

use amdgpu_sim::{Disassembler, WorkerDisassembler};
use geobacter_codegen_client::DiskCache;
use geobacter_runtime_core::{
    bundle,
    code::{self, CodeError},
};
use geobacter_spool::job::Instruction;

/// The disassembler of this program. A program that carries the text of all code that it loads never looks for a worker.
#[derive(Debug, Default)]
pub struct ProgramDisassembler {
    /// Made for the first code whose text the program does not carry.
    worker: Mutex<Option<WorkerDisassembler>>,
}

impl ProgramDisassembler {
    /// Whether code for this target can be had at all: the program carries some, or there is a worker.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn check(target: &str) -> Result<(), CodeError> {
        if bundle::targets().contains(&target) {
            return Ok(());
        }
        code::worker(target).map(drop)
    }
}

impl Disassembler for ProgramDisassembler {
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        if let Some(text) = bundle::text(target, code).map_err(|error| error.to_string())? {
            return Ok(text);
        }
        let mut slot = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let disassembler = match &mut *slot {
            Some(disassembler) => disassembler,
            none => {
                let worker = code::worker(target).map_err(|error| error.to_string())?;
                let compiler = code::compiler_version().map_err(|error| error.to_string())?;
                none.insert(WorkerDisassembler::new(worker, DiskCache::from_environment(), compiler))
            }
        };
        disassembler.disassemble(target, code)
    }
}
