//! A decoded instruction: what executes it, and what comes after it.

use super::text::Parsed;
use crate::machine::{fault::Trap, wave::Wave, workgroup::Env};

/// Where a wave goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next instruction.
    Next,
    /// At this instruction of the code.
    Jump(u32),
    /// At this address.
    JumpAddress(u64),
    /// When the other waves of the work-group have come as far.
    Barrier,
    /// With the next instruction, when all waves have given the signal that this one gave last.
    BarrierWait,
    /// Nowhere: the wave has ended.
    End,
    /// With the next instruction, but other waves may run first.
    Yield,
}

/// What executes one instruction: its operands are resolved, its operation is chosen.
pub type Step = Box<dyn Fn(&mut Wave, &mut Env<'_>) -> Result<Flow, Box<Trap>> + Send + Sync>;

/// Why an instruction has no [`Step`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}: {text}")]
pub struct DecodeError {
    /// What is not understood.
    pub why: String,
    /// The instruction.
    pub text: String,
}

impl DecodeError {
    /// An error about this instruction.
    pub fn new(parsed: &Parsed, why: impl Into<String>) -> Self {
        Self { why: why.into(), text: parsed.text.clone() }
    }
}

/// Makes a step of a closure.
pub fn step(f: impl Fn(&mut Wave, &mut Env<'_>) -> Result<Flow, Box<Trap>> + Send + Sync + 'static) -> Step {
    Box::new(f)
}
