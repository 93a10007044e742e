//! Vector registers by index, on CDNA: between `s_set_gpr_idx_on` and `s_set_gpr_idx_off` the operands that the former names
//! are counted from M0 on (*CDNA 3 ISA*, section 4.8 "VGPR indexing").
//!
//! Which instructions that is about is known before they run: compilers put them between the two without a branch.

use std::sync::OnceLock;

use super::{
    decode::{Context, decode, nothing},
    step::{DecodeError, Flow, Step, step},
    text::{M0, Operand, Parsed},
};
use crate::machine::fault::{FaultKind, Trap};

/// What an index can be.
const INDICES: usize = 256;

/// Which operands are indexed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    sources: [bool; 3],
    result: bool,
}

impl Indexed {
    /// What the instructions after this one are subject to; `now` is what this one is.
    pub fn after(now: Option<Self>, parsed: &Parsed) -> Option<Self> {
        let operand = |index: usize| parsed.args.get(index).map(|arg| &arg.operand);
        match parsed.mnemonic.as_str() {
            "s_set_gpr_idx_on" => Self::of(operand(1)),
            "s_set_gpr_idx_mode" => now.and_then(|_| Self::of(operand(0))),
            "s_set_gpr_idx_off" => None,
            _ => now,
        }
    }

    /// What `gpr_idx(SRC0,DST)` says.
    fn of(operand: Option<&Operand>) -> Option<Self> {
        let Some(Operand::Other(text)) = operand else { return None };
        let list = text.strip_prefix("gpr_idx(")?.strip_suffix(')')?;
        let has = |name: &str| list.split(',').any(|part| part.trim() == name);
        Some(Self { sources: ["SRC0", "SRC1", "SRC2"].map(has), result: has("DST") })
    }

    /// The bits that M0 has of it.
    fn bits(self) -> u32 {
        let [a, b, c] = self.sources.map(u32::from);
        (a | b << 1 | c << 2 | u32::from(self.result) << 3) << 12
    }
}

/// The step of an instruction that sets the index; `None` if it is none.
pub fn lookup(parsed: &Parsed) -> Option<Result<Step, DecodeError>> {
    let error = || DecodeError::new(parsed, "the operands are not understood");
    let operand = |index: usize| parsed.args.get(index).map(|arg| &arg.operand);
    let register = |index: usize| match operand(index) {
        Some(Operand::Scalar(register, 1)) => Ok((Some(usize::from(*register)), 0)),
        Some(Operand::Int(value)) => Ok((None, *value as u32)),
        Some(Operand::Bits(value)) => Ok((None, *value)),
        _ => Err(error()),
    };
    let mask = match parsed.mnemonic.as_str() {
        "s_set_gpr_idx_on" => 0xf0ff,
        "s_set_gpr_idx_idx" => 0xff,
        "s_set_gpr_idx_mode" => 0xf000,
        _ => return None,
    };
    let decoded = || {
        let (from, constant) = if mask & 0xff != 0 { register(0)? } else { (None, 0) };
        let modes = if mask == 0xff { None } else { operand(usize::from(mask == 0xf0ff)) };
        let bits = if mask == 0xff { 0 } else { Indexed::of(modes).ok_or_else(error)?.bits() };
        Ok(step(move |wave, _| {
            let value = from.map_or(constant, |from| wave.scalar[from]) & 0xff | bits;
            let m0 = &mut wave.scalar[usize::from(M0)];
            *m0 = *m0 & !mask | value & mask;
            Ok(Flow::Next)
        }))
    };
    Some(decoded())
}

/// The step of an instruction whose operands are indexed: one for each index, decoded when it is first wanted.
pub fn indexed(parsed: &Parsed, context: &Context<'_>, which: Indexed) -> Step {
    let (parsed, accumulation, target) = (parsed.clone(), context.accumulation, context.target);
    let steps: Box<[OnceLock<Result<Step, DecodeError>>]> = (0..INDICES).map(|_| OnceLock::new()).collect();
    step(move |wave, env| {
        let index = (wave.scalar[usize::from(M0)] & 0xff) as u16;
        let one = steps[usize::from(index)].get_or_init(|| match shifted(&parsed, which, index, accumulation) {
            Some(shifted) => decode(&shifted, &Context { next: 0, index: &[], accumulation, target }),
            None => Ok(nothing()),
        });
        match one {
            Ok(step) => step(wave, env),
            Err(error) => Err(Trap::new(FaultKind::UnsupportedInstruction, error.why.clone())),
        }
    })
}

/// The instruction with its indexed operands counted from `index` on. A source beyond the registers is the first register;
/// a result there goes nowhere (`None`).
fn shifted(parsed: &Parsed, which: Indexed, index: u16, limit: u16) -> Option<Parsed> {
    let mut shifted = parsed.clone();
    for (at, arg) in shifted.args.iter_mut().enumerate() {
        let is_indexed = match at {
            0 => which.result,
            at => which.sources.get(at - 1).copied().unwrap_or(false),
        };
        if let (true, Operand::Vector(first, count)) = (is_indexed, &mut arg.operand) {
            *first += index;
            if *first + *count > limit {
                if at == 0 {
                    return None;
                }
                *first = 0;
            }
        }
    }
    Some(shifted)
}
