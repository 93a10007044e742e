//! Operands of the vector and scalar instructions: their types, where they come from, and what their modifiers do.

use super::{
    float::{BF16, F16, F32, F64, Format},
    wave::{Wave, float_constant},
};

/// What an operand is read or written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// 32 bits.
    B32,
    /// 64 bits.
    B64,
    /// An integer of 64 bits with a sign: literals are extended with it.
    I64,
    /// 16 bits.
    B16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// Two halves of 16 bits.
    PkB16,
    /// Two numbers in half precision.
    PkF16,
    /// Two numbers in single precision.
    PkF32,
    /// Two upper halves of single precision.
    PkBF16,
    /// 128 bits.
    B128,
}

impl Type {
    /// Registers that it takes.
    pub fn words(self) -> usize {
        match self {
            Self::B64 | Self::I64 | Self::F64 | Self::PkF32 => 2,
            Self::B128 => 4,
            _ => 1,
        }
    }

    /// Whether it is half of a register.
    pub fn is_half(self) -> bool {
        matches!(self, Self::B16 | Self::F16 | Self::BF16)
    }

    /// Its format, if it is one floating point number or two.
    pub fn format(self) -> Option<Format> {
        match self {
            Self::F32 | Self::PkF32 => Some(F32),
            Self::F64 => Some(F64),
            Self::F16 | Self::PkF16 => Some(F16),
            Self::BF16 | Self::PkBF16 => Some(BF16),
            _ => None,
        }
    }

    /// Whether it is one floating point number.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::BF16)
    }
}

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// A vector register, or the first of some.
    Vector(usize),
    /// A scalar register, or the first of some.
    Scalar(usize),
    /// VCC.
    Vcc,
    /// EXEC.
    Exec,
    /// M0.
    M0,
    /// An integer from -16 to 64.
    Integer(i32),
    /// 0.5, 1, 2 or 4 with either sign, or 1 / (2 pi).
    Float(f64),
    /// 32 bits behind the instruction.
    Literal(u32),
}

/// 1 / (2 pi).
pub const INVERSE_TAU: f64 = 0.159_154_943_091_895_35;

fn registers(kind: char, first: usize, words: usize) -> String {
    if words == 1 { format!("{kind}{first}") } else { format!("{kind}[{first}:{}]", first + words - 1) }
}

/// A vector register, or some.
pub fn vector_text(first: usize, words: usize) -> String {
    registers('v', first, words)
}

/// A scalar register, or some.
pub fn scalar_text(first: usize, words: usize) -> String {
    registers('s', first, words)
}

/// The name of VCC in a wave.
pub fn vcc_text(wave32: bool) -> &'static str {
    if wave32 { "vcc_lo" } else { "vcc" }
}

impl Source {
    /// As the assembler has it.
    pub fn text(&self, words: usize) -> String {
        match *self {
            Self::Vector(first) => vector_text(first, words),
            Self::Scalar(first) => scalar_text(first, words),
            Self::Vcc if words == 2 => "vcc".to_owned(),
            Self::Vcc => "vcc_lo".to_owned(),
            Self::Exec if words == 2 => "exec".to_owned(),
            Self::Exec => "exec_lo".to_owned(),
            Self::M0 => "m0".to_owned(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) if value == INVERSE_TAU => "0.15915494309189532".to_owned(),
            Self::Float(value) => format!("{value:?}"),
            Self::Literal(value) => format!("{value:#x}"),
        }
    }

    /// Its value as this type, in a lane.
    pub fn fetch(&self, wave: &Wave, kind: Type, lane: usize) -> u128 {
        let words = kind.words();
        let wide = words == 2;
        match *self {
            Self::Vector(first) => wave.vector(first, words, lane),
            Self::Scalar(first) => u128::from(wave.scalar(first, words)),
            Self::Vcc => u128::from(if wide { wave.vcc } else { wave.vcc & 0xffff_ffff }),
            Self::Exec => u128::from(if wide { wave.exec } else { wave.exec & 0xffff_ffff }),
            Self::M0 => u128::from(wave.m0),
            Self::Integer(value) if wide => u128::from(i64::from(value) as u64),
            Self::Integer(value) => u128::from(value as u32),
            Self::Float(value) => u128::from(match kind {
                Type::F64 | Type::B64 | Type::I64 => float_constant(value, F64),
                Type::F16 | Type::PkF16 | Type::B16 => float_constant(value, F16),
                Type::BF16 | Type::PkBF16 => float_constant(value, F32) >> 16,
                _ => float_constant(value, F32),
            }),
            Self::Literal(value) => match kind {
                Type::F64 => u128::from(value) << 32,
                Type::I64 => u128::from(i64::from(value as i32) as u64),
                _ => u128::from(value),
            },
        }
    }
}
