//! Floating-point types.

use half::{bf16, f16};

use super::round::{
    Format, Rounding, add, add_double, div, div_double, double_of_integer, fma_double, integer_to_odd, mul_double,
    sqrt, sqrt_double,
};
use crate::machine::value::Value;

/// A floating-point type and its arithmetic. Results that are no numbers have one form.
pub trait Float: Value + PartialOrd {
    const ZERO: Self;
    const ONE: Self;
    /// What results are that are no number.
    const NAN: Self;

    fn of_f64(x: f64, rounding: Rounding) -> Self;
    /// The number of an integer.
    fn of_integer(x: i128, rounding: Rounding) -> Self;
    fn f64(self) -> f64;
    fn bits(self) -> u64;
    fn of_bits(bits: u64) -> Self;
    fn is_nan(self) -> bool;
    fn is_subnormal(self) -> bool;
    fn is_negative(self) -> bool;
    fn abs(self) -> Self;
    fn neg(self) -> Self;

    fn add(self, other: Self, rounding: Rounding) -> Self;
    fn mul(self, other: Self, rounding: Rounding) -> Self;
    fn fma(self, factor: Self, summand: Self, rounding: Rounding) -> Self;
    fn div(self, other: Self, rounding: Rounding) -> Self;
    fn sqrt(self, rounding: Rounding) -> Self;
    /// An integral value.
    fn integral(self, rounding: Rounding) -> Self;

    /// One form of what is no number.
    #[inline(always)]
    fn canonical(self) -> Self {
        if self.is_nan() { Self::NAN } else { self }
    }

    /// Zero in place of what is no normal number.
    #[inline(always)]
    fn flush(self) -> Self {
        if self.is_subnormal() { Self::ZERO.copysign(self) } else { self }
    }

    /// The same with the sign of another one.
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        let positive = self.abs();
        if sign.is_negative() { positive.neg() } else { positive }
    }

    /// Within 0 and 1; 0 for what is no number.
    #[inline(always)]
    fn saturate(self) -> Self {
        // False for what is no number.
        if self > Self::ZERO { if self > Self::ONE { Self::ONE } else { self } } else { Self::ZERO }
    }

    /// Not below 0.
    #[inline(always)]
    fn relu(self) -> Self {
        if self.is_nan() {
            Self::NAN
        } else if self > Self::ZERO {
            self
        } else {
            Self::ZERO
        }
    }

    /// The smaller one; -0 is smaller than +0. What is no number loses, or wins if `nan` says so.
    #[inline(always)]
    fn min(self, other: Self, nan: bool) -> Self {
        if self.is_nan() || other.is_nan() {
            return if nan || self.is_nan() && other.is_nan() {
                Self::NAN
            } else if self.is_nan() {
                other
            } else {
                self
            };
        }
        if self < other || self == other && self.is_negative() { self } else { other }
    }

    /// The larger one.
    #[inline(always)]
    fn max(self, other: Self, nan: bool) -> Self {
        if self.is_nan() || other.is_nan() {
            return self.min(other, nan);
        }
        if self > other || self == other && !self.is_negative() { self } else { other }
    }
}

/// `a * b + c`, rounded to odd, of numbers whose product f64 holds.
fn fma_to_odd(a: f64, b: f64, c: f64) -> f64 {
    add(a * b, c)
}

macro_rules! small {
    ($ty:ident, $format:expr, $bits:ty, $magnitude:literal) => {
        impl Float for $ty {
            const ZERO: Self = Self::from_bits(0);
            const ONE: Self = Self::from_bits(((1 << ($format.exponent - 1)) - 1) << $format.mantissa);
            const NAN: Self = Self::from_bits($magnitude);

            fn of_f64(x: f64, rounding: Rounding) -> Self {
                Self::from_bits($format.narrow(x, rounding) as $bits)
            }

            fn of_integer(x: i128, rounding: Rounding) -> Self {
                Self::of_f64(integer_to_odd(x), rounding)
            }

            #[inline(always)]
            fn f64(self) -> f64 {
                f64::from(f32::from(self))
            }

            #[inline(always)]
            fn bits(self) -> u64 {
                u64::from(self.to_bits())
            }

            #[inline(always)]
            fn of_bits(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                self.to_bits() & $magnitude > ((1 << $format.exponent) - 1) << $format.mantissa
            }

            #[inline(always)]
            fn is_subnormal(self) -> bool {
                let magnitude = self.to_bits() & $magnitude;
                magnitude != 0 && magnitude < 1 << $format.mantissa
            }

            #[inline(always)]
            fn is_negative(self) -> bool {
                self.to_bits() & !$magnitude != 0
            }

            #[inline(always)]
            fn abs(self) -> Self {
                Self::from_bits(self.to_bits() & $magnitude)
            }

            #[inline(always)]
            fn neg(self) -> Self {
                Self::from_bits(self.to_bits() ^ !$magnitude)
            }

            #[inline(always)]
            fn add(self, other: Self, rounding: Rounding) -> Self {
                small!(@add $ty, self, other, rounding)
            }

            #[inline(always)]
            fn mul(self, other: Self, rounding: Rounding) -> Self {
                small!(@mul $ty, self, other, rounding)
            }

            #[inline(always)]
            fn fma(self, factor: Self, summand: Self, rounding: Rounding) -> Self {
                small!(@fma $ty, self, factor, summand, rounding)
            }

            fn div(self, other: Self, rounding: Rounding) -> Self {
                Self::of_f64(div(self.f64(), other.f64()), rounding)
            }

            fn sqrt(self, rounding: Rounding) -> Self {
                Self::of_f64(sqrt(self.f64()), rounding)
            }

            fn integral(self, rounding: Rounding) -> Self {
                Self::of_f64(rounding.integral(self.f64()), Rounding::Nearest)
            }
        }
    };
    // To nearest, f32 is what the host does.
    (@add f32, $a:expr, $b:expr, $rounding:expr) => {
        if $rounding == Rounding::Nearest { ($a + $b).canonical() } else { exact_zero($a, $b, $rounding) }
    };
    (@mul f32, $a:expr, $b:expr, $rounding:expr) => {
        if $rounding == Rounding::Nearest { ($a * $b).canonical() } else { Self::of_f64($a.f64() * $b.f64(), $rounding) }
    };
    (@fma f32, $a:expr, $b:expr, $c:expr, $rounding:expr) => {
        if $rounding == Rounding::Nearest { $a.mul_add($b, $c).canonical() } else { fma_single($a, $b, $c, $rounding) }
    };
    (@add $ty:ident, $a:expr, $b:expr, $rounding:expr) => {
        Self::of_f64(add($a.f64(), $b.f64()), $rounding)
    };
    (@mul $ty:ident, $a:expr, $b:expr, $rounding:expr) => {
        Self::of_f64($a.f64() * $b.f64(), $rounding)
    };
    (@fma $ty:ident, $a:expr, $b:expr, $c:expr, $rounding:expr) => {
        Self::of_f64(fma_to_odd($a.f64(), $b.f64(), $c.f64()), $rounding)
    };
}

/// The zero that a sum of two numbers with different signs is: -0 if it is rounded down.
fn signed_zero(sum: f64, a: f64, b: f64, rounding: Rounding) -> f64 {
    let is_cancelled = sum == 0.0 && a.is_sign_negative() != b.is_sign_negative();
    if is_cancelled && rounding == Rounding::Down { -0.0 } else { sum }
}

fn exact_zero(a: f32, b: f32, rounding: Rounding) -> f32 {
    let (a, b) = (a.f64(), b.f64());
    f32::of_f64(signed_zero(add(a, b), a, b, rounding), rounding)
}

fn fma_single(a: f32, b: f32, c: f32, rounding: Rounding) -> f32 {
    let (product, c) = (a.f64() * b.f64(), c.f64());
    f32::of_f64(signed_zero(add(product, c), product, c, rounding), rounding)
}

small!(f16, Format::HALF, u16, 0x7fff);
small!(bf16, Format::BFLOAT, u16, 0x7fff);
small!(f32, Format::SINGLE, u32, 0x7fff_ffff);

impl Float for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NAN: Self = f64::from_bits(0x7ff8_0000_0000_0000);

    fn of_f64(x: f64, _: Rounding) -> Self {
        x
    }

    fn of_integer(x: i128, rounding: Rounding) -> Self {
        double_of_integer(x, rounding)
    }

    #[inline(always)]
    fn f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits()
    }

    #[inline(always)]
    fn of_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }

    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }

    #[inline(always)]
    fn is_subnormal(self) -> bool {
        self.is_subnormal()
    }

    #[inline(always)]
    fn is_negative(self) -> bool {
        self.is_sign_negative()
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }

    #[inline(always)]
    fn neg(self) -> Self {
        -self
    }

    #[inline(always)]
    fn add(self, other: Self, rounding: Rounding) -> Self {
        add_double(self, other, rounding).canonical()
    }

    #[inline(always)]
    fn mul(self, other: Self, rounding: Rounding) -> Self {
        mul_double(self, other, rounding).canonical()
    }

    #[inline(always)]
    fn fma(self, factor: Self, summand: Self, rounding: Rounding) -> Self {
        fma_double(self, factor, summand, rounding).canonical()
    }

    fn div(self, other: Self, rounding: Rounding) -> Self {
        div_double(self, other, rounding).canonical()
    }

    fn sqrt(self, rounding: Rounding) -> Self {
        sqrt_double(self, rounding).canonical()
    }

    fn integral(self, rounding: Rounding) -> Self {
        rounding.integral(self).canonical()
    }
}
