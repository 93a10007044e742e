//! From disassembled text to executable [`Code`]: each instruction is understood once, before anything runs.
//!
//! An instruction that is not understood does not make the code object bad: it becomes a step that ends the kernel with
//! a fault that names it, if a wave ever gets there.

use std::collections::HashSet;

use geobacter_spool::job::Instruction;

use super::{
    dot, flow, lds, matrix, mubuf, names, narrow,
    register_index::{self, Indexed},
    registers::{Class, Effect, Registers},
    salu, salu_float, smem,
    step::{DecodeError, Flow, Step},
    target::Target,
    text::{Operand, Parsed, parse_all},
    valu::Vop,
    valu_table, vcmp, video, vmem, vop3p, vopd,
};
use crate::{
    machine::fault::{FaultKind, Site, Trap},
    source::Sources,
};

/// What decoding an instruction may need to know of the code around it.
#[derive(Debug)]
pub struct Context<'c> {
    /// Offset of the next instruction, in bytes from the start of the code.
    pub next: u32,
    /// Index of the instruction at an offset / 4; `u32::MAX` if none begins there.
    pub index: &'c [u32],
    /// Where accumulation registers begin in the vector register file.
    pub accumulation: u16,
    /// Whose instructions they are.
    pub target: Target,
}

impl Context<'_> {
    /// The instruction that a branch by `words` reaches.
    pub fn branch(&self, parsed: &Parsed, words: i64) -> Result<u32, DecodeError> {
        // The field has 16 bits; the disassembler prints it without a sign.
        let target = i64::from(self.next) + i64::from(words as u16 as i16) * 4;
        let slot = usize::try_from(target / 4).ok().and_then(|slot| self.index.get(slot).copied());
        match slot {
            Some(index) if target >= 0 && index != u32::MAX => Ok(index),
            _ => Err(DecodeError::new(parsed, "the branch leads to where no instruction begins")),
        }
    }
}

/// A function of the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Offset from the start of the code, in bytes.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// Its symbol.
    pub name: String,
}

/// Decoded code.
pub struct Code {
    /// Whose code it is.
    pub target: Target,
    /// Device address of its first byte.
    pub base: u64,
    /// What executes each instruction. The last one is no instruction: it ends a wave that ran past the end.
    pub steps: Vec<Step>,
    /// What each instruction reads and writes. The last one, as that of the steps, is no instruction.
    pub registers: Vec<Registers>,
    /// Offset of each instruction from the start, in bytes.
    pub offsets: Vec<u32>,
    /// Text of each instruction.
    pub texts: Vec<String>,
    /// Index of the instruction at an offset / 4; `u32::MAX` if none begins there.
    index: Vec<u32>,
    /// Vector registers that it names, both kinds together.
    pub vector_registers: usize,
    /// Its functions, by offset.
    pub functions: Vec<Function>,
    /// Its line tables.
    pub sources: Sources,
    /// Instructions that are atomic in the source, though they do not look so. Known only if [`ask_source`] was called.
    ///
    /// [`ask_source`]: Self::ask_source
    pub source_atomics: HashSet<u32>,
    /// Barriers of Geobacter's device language, which all items reach that have not panicked. Known as above.
    pub language_barriers: HashSet<u32>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({} instructions at {:#x})", self.texts.len(), self.base)
    }
}

impl Code {
    /// Decodes code for a target, whose first byte is loaded at `base`.
    pub fn decode(
        target: Target,
        base: u64,
        size: usize,
        instructions: Vec<Instruction>,
        mut functions: Vec<Function>,
        sources: Sources,
    ) -> Self {
        let mut index = vec![u32::MAX; size.div_ceil(4)];
        let read = |instruction: &Instruction| {
            let mut parsed = parse_all(&instruction.text)?;
            parsed.iter_mut().for_each(|parsed| names::canonicalize(parsed, target));
            Some(parsed)
        };
        let parsed: Vec<Option<Vec<Parsed>>> = instructions.iter().map(read).collect();
        let (mut vectors, mut accumulations) = (0, 0);
        for (number, (instruction, parsed)) in instructions.iter().zip(&parsed).enumerate() {
            if let Some(slot) = index.get_mut(instruction.offset as usize / 4) {
                *slot = number as u32;
            }
            for arg in parsed.iter().flatten().flat_map(|parsed| &parsed.args) {
                match arg.operand {
                    Operand::Vector(first, count) => vectors = vectors.max(first + count),
                    Operand::Half(register, _) => vectors = vectors.max(register + 1),
                    Operand::Accumulation(first, count) => accumulations = accumulations.max(first + count),
                    _ => {}
                }
            }
        }
        // Work-item ids come in the first ones, used or not.
        let accumulation = vectors.max(if target.packs_item_ids() { 1 } else { 3 });
        let mut steps: Vec<Step> = Vec::with_capacity(instructions.len() + 1);
        let mut indexed = None;
        for (instruction, parsed) in instructions.iter().zip(&parsed) {
            let next = instruction.offset + instruction.length;
            let context = Context { next, index: &index, accumulation, target };
            steps.push(match parsed.as_deref() {
                None => illegal(if instruction.text.is_empty() {
                    "these bytes are no instruction".to_owned()
                } else {
                    format!("an operand is not understood: {}", instruction.text)
                }),
                Some([one]) => decode_indexed(one, &context, &mut indexed).unwrap_or_else(|error| unsupported(&error)),
                Some([x, y]) => vopd::pair(x, y, &context).unwrap_or_else(|error| unsupported(&error)),
                Some(_) => illegal("an encoding holds one instruction or two".to_owned()),
            });
        }
        let registers = parsed.iter().map(|parsed| {
            let each = parsed.iter().flatten().map(|one| Registers::of(one, accumulation, target));
            each.reduce(Registers::with).unwrap_or_else(Registers::none)
        });
        let registers = registers.chain([Registers::none()]).collect();
        steps.push(illegal("the program ran past the end of its code".to_owned()));
        functions.sort_by_key(|function| function.offset);
        let (offsets, texts) = instructions.into_iter().map(|i| (i.offset, i.text)).unzip();
        let vector_registers = usize::from(accumulation + accumulations);
        Self {
            target,
            base,
            steps,
            registers,
            offsets,
            texts,
            index,
            vector_registers,
            functions,
            sources,
            source_atomics: HashSet::new(),
            language_barriers: HashSet::new(),
        }
    }

    /// Index of the instruction at a device address.
    pub fn find(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.base).filter(|offset| offset.is_multiple_of(4))?;
        self.index.get(usize::try_from(offset / 4).ok()?).copied().filter(|index| *index != u32::MAX)
    }

    /// Asks the line tables what the instructions do not show: which loads and stores of LDS and which stores to memory are
    /// atomic in the source (`ds_read`, `ds_write` and on some GPUs `global_store` serve for both), and which barriers are
    /// the device language's.
    pub fn ask_source(&mut self) {
        let instructions = || self.registers.iter().zip(&self.offsets).enumerate();
        let of = |wanted: fn(Class) -> bool| -> Vec<(u32, u32)> {
            let found = instructions().filter(|(_, (registers, _))| wanted(registers.class));
            found.map(|(index, (_, offset))| (index as u32, *offset)).collect()
        };
        let plain = of(|class| {
            let store = matches!(class, Class::Vmem(Effect::Store) | Class::Flat(Effect::Store));
            store || matches!(class, Class::Lds(Effect::Load | Effect::Store))
        });
        let barriers = of(|class| class == Class::Barrier);
        if plain.is_empty() && barriers.is_empty() {
            return;
        }
        self.sources.read(|lines| {
            let chosen = |list: &[(u32, u32)], is: &dyn Fn(u32) -> bool| {
                list.iter().filter(|(_, offset)| is(*offset)).map(|(index, _)| *index).collect()
            };
            self.source_atomics = chosen(&plain, &|offset| lines.is_atomic(offset));
            self.language_barriers = chosen(&barriers, &|offset| lines.is_of_language(offset));
        });
    }

    /// What is known of an instruction, for a report.
    pub fn site(&self, index: u32) -> Site {
        let (function, pc_offset) = self.locate(index);
        let instruction = self.texts.get(index as usize).cloned().unwrap_or_default();
        let location = self.offsets.get(index as usize).and_then(|offset| self.sources.locate(*offset));
        Site { pc_offset, function, instruction, location }
    }

    /// The function that holds the instruction, and the instruction's offset in it.
    fn locate(&self, index: u32) -> (String, u64) {
        let offset = self.offsets.get(index as usize).map_or(0, |offset| u64::from(*offset));
        let after = self.functions.partition_point(|function| function.offset <= offset);
        match after.checked_sub(1).map(|at| &self.functions[at]) {
            Some(function) => (function.name.clone(), offset - function.offset),
            None => (String::new(), offset),
        }
    }
}

fn illegal(detail: String) -> Step {
    Box::new(move |_, _| Err(Trap::new(FaultKind::IllegalInstruction, detail.clone())))
}

fn unsupported(error: &DecodeError) -> Step {
    let detail = error.why.clone();
    Box::new(move |_, _| Err(Trap::new(FaultKind::UnsupportedInstruction, detail.clone())))
}

/// Finds what executes an instruction.
///
/// # Errors
/// If no table has it, or its operands are not understood.
pub fn decode(parsed: &Parsed, context: &Context<'_>) -> Result<Step, DecodeError> {
    let v = Vop { parsed, accumulation: context.accumulation, gpu: context.target };
    let m = parsed.mnemonic.as_str();
    let found = match m.split_once('_').map_or(m, |(class, _)| class) {
        "s" => flow::lookup(parsed, context)
            .or_else(|| register_index::lookup(parsed))
            .or_else(|| smem::lookup(parsed))
            .or_else(|| salu::lookup(parsed))
            .or_else(|| salu_float::lookup(parsed)),
        "v" if m.starts_with("v_s_") => salu_float::transcendental(&v),
        "v" => matrix::lookup(&v)
            .or_else(|| vcmp::lookup(&v))
            .or_else(|| vop3p::lookup(&v))
            .or_else(|| dot::lookup(&v))
            .or_else(|| narrow::lookup(&v))
            .or_else(|| video::lookup(&v))
            .or_else(|| valu_table::lookup(&v)),
        "ds" => lds::lookup(&v),
        "global" if matches!(m, "global_inv" | "global_wb" | "global_wbinv") => Some(Ok(nothing())),
        "global" | "flat" | "scratch" => vmem::lookup(&v),
        "buffer" => mubuf::lookup(&v),
        _ => None,
    };
    found.unwrap_or_else(|| Err(DecodeError::new(parsed, "no semantics for this instruction")))
}

/// The same where the instructions before may have some operands indexed.
fn decode_indexed(parsed: &Parsed, context: &Context<'_>, indexed: &mut Option<Indexed>) -> Result<Step, DecodeError> {
    let now = std::mem::replace(indexed, Indexed::after(*indexed, parsed));
    match now {
        Some(which) if parsed.mnemonic.starts_with("v_") => Ok(register_index::indexed(parsed, context, which)),
        _ => decode(parsed, context),
    }
}

/// A step that does nothing.
pub fn nothing() -> Step {
    Box::new(|_, _| Ok(Flow::Next))
}
