//! Rounding of results.
//!
//! Results of f32 and of smaller types are computed in f64, rounded *to odd*: if the result is not exact, its last bit is 1.
//! That is enough for a second rounding to see what the first one has cut off. f64 itself is rounded to nearest by the host
//! and in other directions by [`rustc_apfloat`].

use rustc_apfloat::{Float as _, Round, ieee::Double};

/// A direction of rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// `rn`: to nearest, ties to even.
    Nearest,
    /// `rz`
    Zero,
    /// `rm`
    Down,
    /// `rp`
    Up,
    /// `rna`: to nearest, ties away from zero.
    Away,
}

impl Rounding {
    fn soft(self) -> Round {
        match self {
            Self::Nearest => Round::NearestTiesToEven,
            Self::Zero => Round::TowardZero,
            Self::Down => Round::TowardNegative,
            Self::Up => Round::TowardPositive,
            Self::Away => Round::NearestTiesToAway,
        }
    }

    /// An integral value.
    pub fn integral(self, x: f64) -> f64 {
        match self {
            Self::Nearest => x.round_ties_even(),
            Self::Zero => x.trunc(),
            Self::Down => x.floor(),
            Self::Up => x.ceil(),
            Self::Away => x.round(),
        }
    }
}

/// A binary format of floating-point numbers that f64 holds all values of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Bits of the significand that are stored.
    pub mantissa: u32,
    /// Bits of the exponent.
    pub exponent: u32,
}

impl Format {
    pub const HALF: Self = Self { mantissa: 10, exponent: 5 };
    pub const BFLOAT: Self = Self { mantissa: 7, exponent: 8 };
    pub const TF32: Self = Self { mantissa: 10, exponent: 8 };
    pub const SINGLE: Self = Self { mantissa: 23, exponent: 8 };

    /// The bits of the number next to `x`; those of a NaN have all bits of the significand.
    pub fn narrow(self, x: f64, rounding: Rounding) -> u32 {
        let bits = x.to_bits();
        let is_negative = bits >> 63 != 0;
        let sign = u32::from(is_negative) << (self.mantissa + self.exponent);
        let infinity = ((1_u64 << self.exponent) - 1) << self.mantissa;
        if x.is_nan() {
            return ((1_u64 << (self.mantissa + self.exponent)) - 1) as u32;
        }
        if x.is_infinite() {
            return sign | infinity as u32;
        }
        let fraction = bits & ((1 << 52) - 1);
        let (significand, exponent) = match (bits >> 52 & 0x7ff) as i32 {
            0 => (fraction, -1022),
            exponent => (fraction | 1 << 52, exponent - 1023),
        };
        let lowest = 2 - (1_i32 << (self.exponent - 1));
        let shift = (52 - self.mantissa as i32 + (lowest - exponent).max(0)).min(63) as u32;
        let (kept, rest, half) = (significand >> shift, significand & ((1 << shift) - 1), 1_u64 << (shift - 1));
        let up = match rounding {
            Rounding::Nearest => rest > half || rest == half && kept & 1 != 0,
            Rounding::Away => rest >= half,
            Rounding::Zero => false,
            Rounding::Down => rest != 0 && is_negative,
            Rounding::Up => rest != 0 && !is_negative,
        };
        // The leading bit of the significand counts one in the exponent, and so does a carry.
        let magnitude = ((exponent.max(lowest) - lowest) as u64) << self.mantissa;
        let magnitude = magnitude + kept + u64::from(up);
        if magnitude < infinity {
            return sign | magnitude as u32;
        }
        let is_infinite = match rounding {
            Rounding::Nearest | Rounding::Away => true,
            Rounding::Zero => false,
            Rounding::Down => is_negative,
            Rounding::Up => !is_negative,
        };
        sign | (infinity - u64::from(!is_infinite)) as u32
    }
}

/// `x`, which was rounded to nearest, rounded to odd; `error` has the sign of what is missing in it.
fn to_odd(x: f64, error: f64) -> f64 {
    let bits = x.to_bits();
    if error == 0.0 || error.is_nan() || !x.is_finite() || bits & 1 != 0 {
        return x;
    }
    f64::from_bits(if (error > 0.0) == (x > 0.0) { bits + 1 } else { bits - 1 })
}

/// `a + b`, rounded to odd.
pub fn add(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let rest = sum - a;
    to_odd(sum, (a - (sum - rest)) + (b - rest))
}

/// `a / b`, rounded to odd, where neither is near the edges of f64.
pub fn div(a: f64, b: f64) -> f64 {
    let quotient = a / b;
    if quotient == 0.0 || b.is_infinite() {
        return quotient;
    }
    let rest = (-quotient).mul_add(b, a);
    to_odd(quotient, if b < 0.0 { -rest } else { rest })
}

/// The square root, rounded to odd, where it is not near the edges of f64.
pub fn sqrt(x: f64) -> f64 {
    let root = x.sqrt();
    if root == 0.0 { root } else { to_odd(root, (-root).mul_add(root, x)) }
}

fn soft(x: f64) -> Double {
    Double::from_bits(u128::from(x.to_bits()))
}

fn hard(x: Double) -> f64 {
    f64::from_bits(x.to_bits() as u64)
}

/// `a + b` in f64.
pub fn add_double(a: f64, b: f64, rounding: Rounding) -> f64 {
    if rounding == Rounding::Nearest { a + b } else { hard(soft(a).add_r(soft(b), rounding.soft()).value) }
}

/// `a * b` in f64.
pub fn mul_double(a: f64, b: f64, rounding: Rounding) -> f64 {
    if rounding == Rounding::Nearest { a * b } else { hard(soft(a).mul_r(soft(b), rounding.soft()).value) }
}

/// `a * b + c` in f64, rounded once.
pub fn fma_double(a: f64, b: f64, c: f64, rounding: Rounding) -> f64 {
    if rounding == Rounding::Nearest {
        a.mul_add(b, c)
    } else {
        hard(soft(a).mul_add_r(soft(b), soft(c), rounding.soft()).value)
    }
}

/// `a / b` in f64.
pub fn div_double(a: f64, b: f64, rounding: Rounding) -> f64 {
    if rounding == Rounding::Nearest { a / b } else { hard(soft(a).div_r(soft(b), rounding.soft()).value) }
}

/// The square root in f64.
pub fn sqrt_double(x: f64, rounding: Rounding) -> f64 {
    let root = x.sqrt();
    if rounding == Rounding::Nearest || !root.is_finite() || root == 0.0 {
        return root;
    }
    // By a power of four, so that the error below is no denormal number.
    let scale = if x < 1e-200 { 2_f64.powi(200) } else { 1.0 };
    let (x, near) = (x * (scale * scale), root * scale);
    let error = (-near).mul_add(near, x);
    let next = |by: i64| f64::from_bits(root.to_bits().wrapping_add_signed(by));
    match rounding {
        Rounding::Up if error > 0.0 => next(1),
        Rounding::Down | Rounding::Zero if error < 0.0 => next(-1),
        _ => root,
    }
}

/// An integer as f64.
pub fn double_of_integer(x: i128, rounding: Rounding) -> f64 {
    hard(Double::from_i128_r(x, rounding.soft()).value)
}

/// An integer of at most 64 bits in f64, rounded to odd.
pub fn integer_to_odd(x: i128) -> f64 {
    let near = x as f64;
    to_odd(near, (x - near as i128) as f64)
}
