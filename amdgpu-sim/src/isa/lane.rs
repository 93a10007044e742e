//! The types of a lane's operands and results.
//!
//! A [`Lane`] type says how many registers a value takes, what the assembler's numbers mean for it, and what the source
//! and result modifiers do. With it an instruction's semantics is one closure over plain Rust values.

use half::f16;

use super::{
    rounding::{self, rounded},
    text::Operand,
};
use crate::machine::wave::{LANES, Mode, VectorRegister};

/// A value that one lane reads or writes.
pub trait Lane: Copy + Default + Send + Sync + 'static {
    /// Registers that it takes: 1 or 2.
    const WORDS: usize;
    /// Width in bits.
    const BITS: u32;
    /// Whether it is a floating-point number.
    const FLOAT: bool = false;

    /// From the registers' bits; `high` is 0 for one register.
    fn from_words(low: u32, high: u32) -> Self;
    /// The registers' bits.
    fn words(self) -> (u32, u32);
    /// The value of a constant operand. `None` if it is none, or means nothing here.
    fn constant(operand: &Operand) -> Option<Self>;
    /// Flips the sign bit.
    fn neg(self) -> Self;
    /// Clears the sign bit.
    fn abs(self) -> Self;
    /// Whether denormal sources and results become zero.
    fn flushes(_mode: Mode) -> (bool, bool) {
        (false, false)
    }
    /// Zero of the same sign for a denormal number.
    fn flush(self) -> Self {
        self
    }
    /// Whether it is a NaN.
    fn is_nan(self) -> bool {
        false
    }
    /// A NaN made quiet.
    fn quiet(self) -> Self {
        self
    }
    /// The NaN that an invalid operation gives.
    fn default_nan() -> Self {
        Self::default()
    }
    /// Output modifiers: times 2 to the power `scale`, then limited to 0..=1 if `clamp`.
    fn modify(self, _scale: i8, _clamp: bool, _mode: Mode) -> Self {
        self
    }
    /// The register itself, if that is how it lies in one.
    fn view(_register: &VectorRegister) -> Option<&[Self; LANES]> {
        None
    }
}

/// An integer constant for an operand of this width; floating constants stand for their bits.
fn integer(operand: &Operand, bits: u32, signed: bool) -> Option<u64> {
    Some(match operand {
        Operand::Int(value) => *value as u64,
        Operand::Bits(value) if signed && bits == 64 => *value as i32 as i64 as u64,
        Operand::Bits(value) => u64::from(*value),
        Operand::Float(value) => match bits {
            16 => u64::from(f16::from_f64(*value).to_bits()),
            32 => u64::from((*value as f32).to_bits()),
            _ => value.to_bits(),
        },
        _ => return None,
    })
}

macro_rules! word {
    ($ty:ty, $signed:expr) => {
        impl Lane for $ty {
            const WORDS: usize = 1;
            const BITS: u32 = 32;
            #[inline]
            fn from_words(low: u32, _: u32) -> Self {
                low as Self
            }
            #[inline]
            fn words(self) -> (u32, u32) {
                (self as u32, 0)
            }
            fn constant(operand: &Operand) -> Option<Self> {
                integer(operand, 32, $signed).map(|value| value as Self)
            }
            #[inline]
            fn neg(self) -> Self {
                (self as u32 ^ 1 << 31) as Self
            }
            #[inline]
            fn abs(self) -> Self {
                (self as u32 & !(1 << 31)) as Self
            }
            #[inline]
            fn view(register: &VectorRegister) -> Option<&[Self; LANES]> {
                Some(bytemuck::cast_ref(register))
            }
        }
    };
}
word!(u32, false);
word!(i32, true);

macro_rules! double_word {
    ($ty:ty, $signed:expr) => {
        impl Lane for $ty {
            const WORDS: usize = 2;
            const BITS: u32 = 64;
            #[inline]
            fn from_words(low: u32, high: u32) -> Self {
                (u64::from(low) | u64::from(high) << 32) as Self
            }
            #[inline]
            fn words(self) -> (u32, u32) {
                (self as u32, (self as u64 >> 32) as u32)
            }
            fn constant(operand: &Operand) -> Option<Self> {
                integer(operand, 64, $signed).map(|value| value as Self)
            }
            fn neg(self) -> Self {
                (self as u64 ^ 1 << 63) as Self
            }
            fn abs(self) -> Self {
                (self as u64 & !(1 << 63)) as Self
            }
        }
    };
}
double_word!(u64, false);
double_word!(i64, true);

macro_rules! half_word {
    ($ty:ty) => {
        impl Lane for $ty {
            const WORDS: usize = 1;
            const BITS: u32 = 16;
            #[inline]
            fn from_words(low: u32, _: u32) -> Self {
                low as Self
            }
            #[inline]
            fn words(self) -> (u32, u32) {
                (u32::from(self as u16), 0)
            }
            fn constant(operand: &Operand) -> Option<Self> {
                integer(operand, 16, false).map(|value| value as Self)
            }
            fn neg(self) -> Self {
                (self as u16 ^ 1 << 15) as Self
            }
            fn abs(self) -> Self {
                (self as u16 & !(1 << 15)) as Self
            }
        }
    };
}
half_word!(u16);
half_word!(i16);

macro_rules! float {
    ($ty:ty, $bits:ty, $words:expr, $flush:expr, $one:expr, $scale:expr) => {
        const WORDS: usize = $words;
        const BITS: u32 = <$bits>::BITS;
        const FLOAT: bool = true;
        #[inline]
        fn neg(self) -> Self {
            -self
        }
        #[inline]
        fn abs(self) -> Self {
            Self::from_bits(self.to_bits() & !(1 << (<$bits>::BITS - 1)))
        }
        #[inline]
        fn flushes(mode: Mode) -> (bool, bool) {
            $flush(mode)
        }
        #[inline]
        fn flush(self) -> Self {
            let sign = 1 << (<$bits>::BITS - 1);
            let bits = self.to_bits();
            let smallest = <$ty>::MIN_POSITIVE.to_bits();
            if bits & !sign < smallest { Self::from_bits(bits & sign) } else { self }
        }
        #[inline]
        fn is_nan(self) -> bool {
            self.is_nan()
        }
        #[inline]
        fn quiet(self) -> Self {
            Self::from_bits(self.to_bits() | 1 << (<$ty>::MANTISSA_DIGITS - 2))
        }
        fn default_nan() -> Self {
            Self::from_bits(<$ty>::INFINITY.to_bits() | 1 << (<$ty>::MANTISSA_DIGITS - 2))
        }
        fn modify(self, scale: i8, clamp: bool, mode: Mode) -> Self {
            let mut value = self;
            if scale != 0 {
                // Denormals and minus zero become zero.
                let scaled =
                    rounded(mode, || $scale(value, scale), |round| rounding::ldexp(round, value, i32::from(scale)));
                value = scaled.flush();
                if value == Self::from_bits(0) {
                    value = Self::from_bits(0);
                }
            }
            if clamp {
                let (zero, one) = (Self::from_bits(0), $one);
                value = if value.is_nan() {
                    if mode.dx10_clamp() { zero } else { value }
                } else if value <= zero {
                    zero
                } else if value >= one {
                    one
                } else {
                    value
                };
            }
            value
        }
    };
}

fn f32_flushes(mode: Mode) -> (bool, bool) {
    (mode.flush_f32_in(), mode.flush_f32_out())
}
fn f64_flushes(mode: Mode) -> (bool, bool) {
    (mode.flush_f64_in(), mode.flush_f64_out())
}

impl Lane for f32 {
    float!(f32, u32, 1, f32_flushes, 1.0, |value: f32, scale: i8| value * (f32::from(scale)).exp2());
    #[inline]
    fn from_words(low: u32, _: u32) -> Self {
        Self::from_bits(low)
    }
    #[inline]
    fn words(self) -> (u32, u32) {
        (self.to_bits(), 0)
    }
    fn constant(operand: &Operand) -> Option<Self> {
        integer(operand, 32, false).map(|bits| Self::from_bits(bits as u32))
    }
    #[inline]
    fn view(register: &VectorRegister) -> Option<&[Self; LANES]> {
        Some(bytemuck::cast_ref(register))
    }
}

impl Lane for f64 {
    float!(f64, u64, 2, f64_flushes, 1.0, |value: f64, scale: i8| value * (f64::from(scale)).exp2());
    #[inline]
    fn from_words(low: u32, high: u32) -> Self {
        Self::from_bits(u64::from(low) | u64::from(high) << 32)
    }
    #[inline]
    fn words(self) -> (u32, u32) {
        (self.to_bits() as u32, (self.to_bits() >> 32) as u32)
    }
    fn constant(operand: &Operand) -> Option<Self> {
        // A literal is the high half of the number.
        match operand {
            Operand::Bits(high) => Some(Self::from_bits(u64::from(*high) << 32)),
            operand => integer(operand, 64, false).map(Self::from_bits),
        }
    }
}

impl Lane for f16 {
    float!(f16, u16, 1, f64_flushes, f16::ONE, |value: f16, scale: i8| f16::from_f32(
        value.to_f32() * f32::from(scale).exp2()
    ));
    #[inline]
    fn from_words(low: u32, _: u32) -> Self {
        Self::from_bits(low as u16)
    }
    #[inline]
    fn words(self) -> (u32, u32) {
        (u32::from(self.to_bits()), 0)
    }
    fn constant(operand: &Operand) -> Option<Self> {
        integer(operand, 16, false).map(|bits| Self::from_bits(bits as u16))
    }
}
