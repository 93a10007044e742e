//! The types of matrix elements: how many bits they take, and what value these stand for.

use half::{bf16, f16};

use crate::isa::minifloat::{BF8_FNUZ, BF8_OCP, FP8_FNUZ, FP8_OCP};

/// The type of the elements of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    F64,
    F32,
    /// f32 of which the low 13 bits of the mantissa are not looked at.
    Xf32,
    F16,
    Bf16,
    Fp8Fnuz,
    Bf8Fnuz,
    Fp8Ocp,
    Bf8Ocp,
    I32,
    I8,
    U8,
    I4,
    U4,
}

static FP8_FNUZ_VALUES: [f32; 256] = FP8_FNUZ.table();
static BF8_FNUZ_VALUES: [f32; 256] = BF8_FNUZ.table();
static FP8_OCP_VALUES: [f32; 256] = FP8_OCP.table();
static BF8_OCP_VALUES: [f32; 256] = BF8_OCP.table();

impl Element {
    /// Bits that an element takes.
    pub fn bits(self) -> usize {
        match self {
            Self::F64 => 64,
            Self::F32 | Self::Xf32 | Self::I32 => 32,
            Self::F16 | Self::Bf16 => 16,
            Self::Fp8Fnuz | Self::Bf8Fnuz | Self::Fp8Ocp | Self::Bf8Ocp | Self::I8 | Self::U8 => 8,
            Self::I4 | Self::U4 => 4,
        }
    }

    /// Whether it is an integer.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::I32 | Self::I8 | Self::U8 | Self::I4 | Self::U4)
    }

    /// What the bits stand for, for types that f32 holds; more bits than the type's are not looked at.
    pub fn to_f32(self, bits: u32) -> f32 {
        match self {
            Self::Xf32 => f32::from_bits(bits & !0x1fff),
            Self::F16 => f16::from_bits(bits as u16).to_f32(),
            Self::Bf16 => bf16::from_bits(bits as u16).to_f32(),
            Self::Fp8Fnuz => FP8_FNUZ_VALUES[usize::from(bits as u8)],
            Self::Bf8Fnuz => BF8_FNUZ_VALUES[usize::from(bits as u8)],
            Self::Fp8Ocp => FP8_OCP_VALUES[usize::from(bits as u8)],
            Self::Bf8Ocp => BF8_OCP_VALUES[usize::from(bits as u8)],
            _ => f32::from_bits(bits),
        }
    }

    /// What the bits stand for, for integers.
    pub fn to_i32(self, bits: u32) -> i32 {
        match self {
            Self::I8 => i32::from(bits as i8),
            Self::U8 => i32::from(bits as u8),
            Self::I4 => (bits << 28) as i32 >> 28,
            Self::U4 => (bits & 15) as i32,
            _ => bits as i32,
        }
    }

    /// The bits of a result, rounded to the nearest.
    pub fn round(self, value: f32) -> u32 {
        match self {
            Self::F16 => u32::from(f16::from_f32(value).to_bits()),
            Self::Bf16 => u32::from(bf16::from_f32(value).to_bits()),
            _ => value.to_bits(),
        }
    }

    /// Zero of the same sign for bits that are a denormal number of 16 bits.
    pub fn flushed(self, bits: u32) -> u32 {
        let exponent = match self {
            Self::F16 => 0x7c00,
            Self::Bf16 => 0x7f80,
            _ => return bits,
        };
        if bits & exponent == 0 { bits & 0x8000 } else { bits }
    }
}
