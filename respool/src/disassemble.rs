//! From device code to the assembler's text, for the simulator.

use std::{ffi::CString, ptr};

use geobacter_spool::job::{DisassembleJob, Instruction};
use llvm_sys::disassembler::{LLVMCreateDisasmCPU, LLVMDisasmDispose, LLVMDisasmInstruction};

use crate::{error::Error, targets};

/// Disassembles machine code for this target.
///
/// # Errors
/// [`Error::UnknownTarget`], or [`Error::Llvm`] if LLVM has no disassembler for it.
pub fn disassemble(job: &DisassembleJob) -> Result<Vec<Instruction>, Error> {
    let target = targets::find(&job.target)?;
    target.initialize_backend();
    let triple = CString::new(target.triple()).unwrap_or_default();
    let processor = CString::new(target.processor()).unwrap_or_default();
    // SAFETY: both are C strings; no symbol look-up is asked for.
    let disassembler =
        unsafe { LLVMCreateDisasmCPU(triple.as_ptr(), processor.as_ptr(), ptr::null_mut(), 0, None, None) };
    if disassembler.is_null() {
        return Err(Error::Llvm {
            kernel: "(code)".into(),
            target: job.target.clone(),
            what: "disassemble it",
            reason: "this LLVM has no disassembler for the target".into(),
        });
    }
    let mut code = job.code.clone();
    let mut instructions = Vec::new();
    let mut text = [0u8; 512];
    let mut offset = 0;
    while offset < code.len() {
        // SAFETY: pointer and length describe the rest of the code; the text buffer has the given size.
        let length = unsafe {
            LLVMDisasmInstruction(
                disassembler,
                code[offset..].as_mut_ptr(),
                (code.len() - offset) as u64,
                offset as u64,
                text.as_mut_ptr().cast(),
                text.len(),
            )
        };
        let (length, text) = if length == 0 {
            (4.min(code.len() - offset), String::new())
        } else {
            let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
            let text = String::from_utf8_lossy(&text[..end]);
            (length, text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        instructions.push(Instruction { offset: offset as u32, length: length as u32, text });
        offset += length;
    }
    // SAFETY: the disassembler is ours.
    unsafe { LLVMDisasmDispose(disassembler) };
    Ok(instructions)
}
