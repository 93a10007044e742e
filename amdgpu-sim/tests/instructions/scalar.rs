//! Scalar instructions. The chapters "SOP1", "SOP2", "SOPC" and "SOPK" of the guides.

use super::{
    case::{Case, SCALAR_DESTINATION},
    enumerate::Form,
    inputs::{Bank, FULL, MASKS, Random, literal},
    operand::{
        Source,
        Type::{self, B32, B64, I64},
        scalar_text, vcc_text,
    },
    target::{Generation, Target},
    vector::{Kind, Lane, Row as VectorRow},
    wave::Wave,
};

/// What a scalar instruction sees beside its operands.
pub struct State {
    /// SCC, before and after.
    pub scc: bool,
    /// What the destination holds before.
    pub old: u64,
    /// EXEC, before and after.
    pub exec: u64,
}

/// What a scalar instruction computes.
pub type Operation = fn(&mut State, [u64; 2]) -> u64;

/// What a scalar instruction writes beside SCC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target2 {
    /// A destination.
    Result,
    /// Nothing.
    Nothing,
}

/// One instruction of the table.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its names in the generations.
    pub names: &'static [&'static str],
    /// What it writes; nothing but SCC if there is nothing.
    pub to: Option<Type>,
    /// What it reads.
    pub from: &'static [Type],
    /// Whether the last source is 16 bits of the instruction, and whether they have a sign.
    pub immediate: Option<bool>,
    /// What it computes.
    pub operation: Operation,
}
