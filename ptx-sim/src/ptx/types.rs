//! Types and state spaces.

/// A fundamental type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    B8,
    B16,
    B32,
    B64,
    B128,
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
    F16,
    F16x2,
    Bf16,
    Bf16x2,
    U16x2,
    S16x2,
    Tf32,
    F32,
    F64,
    Pred,
}

use Type::*;

impl Type {
    /// The type that a word with a dot names.
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            ".b8" => B8,
            ".b16" => B16,
            ".b32" => B32,
            ".b64" => B64,
            ".b128" => B128,
            ".u8" => U8,
            ".u16" => U16,
            ".u32" => U32,
            ".u64" => U64,
            ".s8" => S8,
            ".s16" => S16,
            ".s32" => S32,
            ".s64" => S64,
            ".f16" => F16,
            ".f16x2" => F16x2,
            ".bf16" => Bf16,
            ".bf16x2" => Bf16x2,
            ".u16x2" => U16x2,
            ".s16x2" => S16x2,
            ".tf32" => Tf32,
            ".f32" => F32,
            ".f64" => F64,
            ".pred" => Pred,
            _ => return None,
        })
    }

    /// Its name, with the dot.
    pub fn name(self) -> &'static str {
        match self {
            B8 => ".b8",
            B16 => ".b16",
            B32 => ".b32",
            B64 => ".b64",
            B128 => ".b128",
            U8 => ".u8",
            U16 => ".u16",
            U32 => ".u32",
            U64 => ".u64",
            S8 => ".s8",
            S16 => ".s16",
            S32 => ".s32",
            S64 => ".s64",
            F16 => ".f16",
            F16x2 => ".f16x2",
            Bf16 => ".bf16",
            Bf16x2 => ".bf16x2",
            U16x2 => ".u16x2",
            S16x2 => ".s16x2",
            Tf32 => ".tf32",
            F32 => ".f32",
            F64 => ".f64",
            Pred => ".pred",
        }
    }

    /// Bits of a value; 1 for a predicate.
    pub const fn bits(self) -> u32 {
        match self {
            Pred => 1,
            B8 | U8 | S8 => 8,
            B16 | U16 | S16 | F16 | Bf16 => 16,
            B32 | U32 | S32 | F32 | F16x2 | Bf16x2 | U16x2 | S16x2 | Tf32 => 32,
            B64 | U64 | S64 | F64 => 64,
            B128 => 128,
        }
    }

    /// Bytes of a value in memory.
    pub const fn bytes(self) -> u32 {
        self.bits().div_ceil(8)
    }

    pub const fn is_bits(self) -> bool {
        matches!(self, B8 | B16 | B32 | B64 | B128)
    }

    pub const fn is_signed(self) -> bool {
        matches!(self, S8 | S16 | S32 | S64)
    }

    pub const fn is_unsigned(self) -> bool {
        matches!(self, U8 | U16 | U32 | U64)
    }

    /// Signed, unsigned or untyped bits, one value.
    pub const fn is_integer(self) -> bool {
        self.is_bits() || self.is_signed() || self.is_unsigned()
    }

    pub const fn is_float(self) -> bool {
        matches!(self, F16 | F16x2 | Bf16 | Bf16x2 | F32 | F64 | Tf32)
    }

    /// Whether an operand of type `other` can stand where this type is asked for: as large, and not of another kind.
    pub fn takes(self, other: Self) -> bool {
        if self == other {
            return true;
        }
        let same_kind = self.is_bits()
            || other.is_bits()
            || (self.is_integer() && other.is_integer())
            // Vectors of halves lie in untyped registers.
            || matches!((self, other), (F16x2 | Bf16x2 | U16x2 | S16x2, U32 | S32) | (Bf16, U16 | S16) | (Tf32, U32 | S32));
        self != Pred && other != Pred && self.bits() == other.bits() && same_kind
    }
}

/// A state space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    Generic,
    Global,
    Const,
    Shared,
    Local,
    Param,
}

impl Space {
    /// The space that a word with a dot names.
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            ".global" => Self::Global,
            ".const" => Self::Const,
            ".shared" | ".shared::cta" => Self::Shared,
            ".local" => Self::Local,
            ".param" | ".param::entry" | ".param::func" => Self::Param,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Global => ".global",
            Self::Const => ".const",
            Self::Shared => ".shared",
            Self::Local => ".local",
            Self::Param => ".param",
        }
    }
}
