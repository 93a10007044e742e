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
    let decode = |code: &mut [u8], offset: usize, text: &mut [u8]| {
        // SAFETY: pointers and lengths describe the code and the room for the text.
        unsafe {
            LLVMDisasmInstruction(
                disassembler,
                code.as_mut_ptr(),
                code.len() as u64,
                offset as u64,
                text.as_mut_ptr().cast(),
                text.len(),
            )
        }
    };
    let mut code = job.code.clone();
    let mut instructions = Vec::new();
    let mut text = [0u8; 512];
    let mut offset = 0;
    while offset < code.len() {
        let mut length = decode(&mut code[offset..], offset, &mut text);
        if length == 0
            && let Some(instruction) = code.get(offset..offset + 8).and_then(as_llvm_writes_it)
        {
            length = decode(&mut instruction.to_vec(), offset, &mut text);
        }
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

/// An instruction of RDNA's in the form that this LLVM writes, if it is one that other compilers write in another form.
///
/// `v_cmpx` in the encoding VOP3 writes EXEC and ignores its field VDST (*RDNA 2 ISA*, section 6.3). LLVM 15 and older,
/// which ROCm 5 has, leave 0 there. Later ones write EXEC's number, and take nothing else for an instruction.
fn as_llvm_writes_it(code: &[u8]) -> Option<[u8; 8]> {
    const VOP3: u8 = 0b11_0101;
    const EXEC: u8 = 126;
    let mut bytes: [u8; 8] = code.try_into().ok()?;
    // Comparisons are the opcodes below 256, of ten bits.
    let compares = bytes[3] >> 2 == VOP3 && bytes[3] & 3 == 0;
    if !compares || bytes[0] == EXEC {
        return None;
    }
    bytes[0] = EXEC;
    Some(bytes)
}
