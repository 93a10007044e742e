//! IEEE 754 in integers: numbers are exact until they are rounded once.

/// A floating point format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Bits of the exponent.
    pub exponent: u32,
    /// Bits of the fraction.
    pub fraction: u32,
}

/// Half precision.
pub const F16: Format = Format { exponent: 5, fraction: 10 };
/// The upper half of single precision.
pub const BF16: Format = Format { exponent: 8, fraction: 7 };
/// Single precision.
pub const F32: Format = Format { exponent: 8, fraction: 23 };
/// Double precision.
pub const F64: Format = Format { exponent: 11, fraction: 52 };

impl Format {
    /// Width in bits.
    pub const fn width(self) -> u32 {
        1 + self.exponent + self.fraction
    }

    /// The bit of the sign.
    pub const fn sign(self) -> u64 {
        1 << (self.width() - 1)
    }

    /// Infinity without its sign.
    pub const fn infinity(self) -> u64 {
        ((1 << self.exponent) - 1) << self.fraction
    }

    /// A quiet NaN.
    pub const fn nan(self) -> u64 {
        self.infinity() | 1 << (self.fraction - 1)
    }

    /// The largest finite number.
    pub const fn largest(self) -> u64 {
        self.infinity() - 1
    }

    /// Bits of the number one.
    pub const fn one(self) -> u64 {
        ((1 << (self.exponent - 1)) - 1) << self.fraction
    }

    /// What is added to an exponent.
    pub const fn bias(self) -> i32 {
        (1 << (self.exponent - 1)) - 1
    }

    /// Whether these bits are a NaN.
    pub const fn is_nan(self, bits: u64) -> bool {
        bits & (self.sign() - 1) > self.infinity()
    }

    /// Whether these bits are a NaN that signals.
    pub const fn is_signalling(self, bits: u64) -> bool {
        self.is_nan(bits) && bits & 1 << (self.fraction - 1) == 0
    }

    /// Whether these bits are a denormal number.
    pub const fn is_denormal(self, bits: u64) -> bool {
        bits & self.infinity() == 0 && bits & ((1 << self.fraction) - 1) != 0
    }

    /// The same NaN, quiet.
    pub const fn quiet(self, bits: u64) -> u64 {
        bits | 1 << (self.fraction - 1)
    }
}

/// How to round what lies between two numbers: the values are those of the MODE register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// To the nearest, ties to even.
    Even,
    /// Towards plus infinity.
    Up,
    /// Towards minus infinity.
    Down,
    /// Towards zero.
    Zero,
}

/// A number without a limit to its precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// No number.
    Nan,
    /// Infinity, negative or not.
    Infinity(bool),
    /// Zero, negative or not.
    Zero(bool),
    /// `mantissa * 2^exponent`, negative or not; the mantissa is not zero. Its lowest bit may stand for all that is below it
    /// where it has more than 64 bits.
    Finite {
        /// Whether it is below zero.
        negative: bool,
        /// All of its bits.
        mantissa: u128,
        /// The weight of the lowest of them.
        exponent: i32,
    },
}

use Number::{Finite, Infinity, Nan, Zero};

impl Number {
    /// The number of these bits.
    pub fn of(bits: u64, format: Format) -> Self {
        let negative = bits & format.sign() != 0;
        let exponent = (bits >> format.fraction & ((1 << format.exponent) - 1)) as i32;
        let fraction = bits & ((1 << format.fraction) - 1);
        let lowest = 1 - format.bias() - format.fraction as i32;
        match (exponent, fraction) {
            (0, 0) => Zero(negative),
            (0, _) => Finite { negative, mantissa: u128::from(fraction), exponent: lowest },
            _ if exponent == (1 << format.exponent) - 1 => {
                if fraction == 0 {
                    Infinity(negative)
                } else {
                    Nan
                }
            }
            _ => {
                let mantissa = u128::from(fraction | 1 << format.fraction);
                Finite { negative, mantissa, exponent: lowest + exponent - 1 }
            }
        }
    }

    /// An integer.
    pub fn integer(value: i128) -> Self {
        match value {
            0 => Zero(false),
            _ => Finite { negative: value < 0, mantissa: value.unsigned_abs(), exponent: 0 },
        }
    }

    /// Whether it is below zero, or minus zero.
    pub fn is_negative(self) -> bool {
        match self {
            Nan => false,
            Infinity(negative) | Zero(negative) | Finite { negative, .. } => negative,
        }
    }

    /// The same number with another sign.
    pub fn with_sign(self, sign: bool) -> Self {
        match self {
            Nan => Nan,
            Infinity(_) => Infinity(sign),
            Zero(_) => Zero(sign),
            Finite { mantissa, exponent, .. } => Finite { negative: sign, mantissa, exponent },
        }
    }

    /// Times a power of two.
    pub fn scaled(self, by: i32) -> Self {
        match self {
            Finite { negative, mantissa, exponent } => Finite { negative, mantissa, exponent: exponent + by },
            other => other,
        }
    }

    /// The exact product of two numbers of at most 64 bits.
    pub fn times(self, other: Self) -> Self {
        let negative = self.is_negative() != other.is_negative();
        match (self, other) {
            (Nan, _) | (_, Nan) | (Infinity(_), Zero(_)) | (Zero(_), Infinity(_)) => Nan,
            (Infinity(_), _) | (_, Infinity(_)) => Infinity(negative),
            (Zero(_), _) | (_, Zero(_)) => Zero(negative),
            (Finite { mantissa: a, exponent: i, .. }, Finite { mantissa: b, exponent: j, .. }) => {
                Finite { negative, mantissa: a * b, exponent: i + j }
            }
        }
    }

    /// The sum, exact but for what lies more than a hundred bits below its first one. A sum that is zero has the sign that
    /// this rounding gives it.
    pub fn plus(self, other: Self, round: Round) -> Self {
        match (self, other) {
            (Nan, _) | (_, Nan) => Nan,
            (Infinity(a), Infinity(b)) => {
                if a == b {
                    Infinity(a)
                } else {
                    Nan
                }
            }
            (Infinity(a), _) | (_, Infinity(a)) => Infinity(a),
            (Zero(a), Zero(b)) => Zero(if a == b { a } else { round == Round::Down }),
            (Zero(_), x) | (x, Zero(_)) => x,
            (Finite { .. }, Finite { .. }) => {
                let (mut a, mut b) = (self.aligned(), other.aligned());
                if (b.2, b.1) > (a.2, a.1) {
                    (a, b) = (b, a);
                }
                let shift = (a.2 - b.2) as u32;
                let small = match shift {
                    0..=126 => b.1 >> shift | u128::from(b.1 & ((1 << shift) - 1) != 0),
                    _ => 1,
                };
                let sum = if a.0 == b.0 { a.1 + small } else { a.1 - small };
                match sum {
                    0 => Zero(round == Round::Down),
                    _ => Finite { negative: a.0, mantissa: sum, exponent: a.2 },
                }
            }
        }
    }

    /// Sign, mantissa with its first bit at 126, exponent.
    fn aligned(self) -> (bool, u128, i32) {
        match self {
            Finite { negative, mantissa, exponent } => {
                let shift = mantissa.leading_zeros() as i32 - 1;
                if shift < 0 {
                    (negative, mantissa >> 1 | mantissa & 1, exponent + 1)
                } else {
                    (negative, mantissa << shift, exponent - shift)
                }
            }
            _ => (self.is_negative(), 0, 0),
        }
    }

    /// Which of two numbers is larger; nothing if one is a NaN.
    pub fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        if matches!(self, Nan) || matches!(other, Nan) {
            return None;
        }
        let key = |number: Self| match number {
            Infinity(negative) => (if negative { -2 } else { 2 }, 0, 0),
            Zero(_) | Nan => (0, 0, 0),
            Finite { negative, .. } => {
                let (_, mantissa, exponent) = number.aligned();
                let sign = if negative { -1 } else { 1 };
                (sign, sign * exponent, i128::try_from(mantissa).unwrap_or(i128::MAX) * i128::from(sign))
            }
        };
        Some(match key(self).cmp(&key(other)) {
            Less => Less,
            Equal => Equal,
            Greater => Greater,
        })
    }

    /// The integer that rounding to a whole number gives; nothing for infinities, NaNs and numbers beyond 2^120.
    pub fn to_integer(self, round: Round) -> Option<i128> {
        match self {
            Nan | Infinity(_) => None,
            Zero(_) => Some(0),
            Finite { negative, mantissa, exponent } => {
                let magnitude = if exponent >= 0 {
                    if 128 - mantissa.leading_zeros() as i32 + exponent > 120 {
                        return None;
                    }
                    mantissa << exponent
                } else {
                    shift_rounded(mantissa, exponent.unsigned_abs(), negative, round)
                } as i128;
                Some(if negative { -magnitude } else { magnitude })
            }
        }
    }

    /// The number rounded to a whole one, with its sign kept where that is zero.
    pub fn rounded(self, round: Round) -> Self {
        match self {
            Finite { negative, exponent, .. } if exponent < 0 => match self.to_integer(round) {
                Some(0) | None => Zero(negative),
                Some(value) => Self::integer(value),
            },
            other => other,
        }
    }

    /// The bits in a format, rounded once.
    pub fn bits(self, format: Format, round: Round) -> u64 {
        let sign = if self.is_negative() { format.sign() } else { 0 };
        match self {
            Nan => format.nan(),
            Infinity(_) => sign | format.infinity(),
            Zero(_) => sign,
            Finite { negative, mantissa, exponent } => {
                let top = 127 - mantissa.leading_zeros() as i32 + exponent;
                let lowest = 1 - format.bias() - format.fraction as i32;
                let unit = lowest.max(top - format.fraction as i32);
                let away = match round {
                    Round::Even => true,
                    Round::Up => !negative,
                    Round::Down => negative,
                    Round::Zero => false,
                };
                let beyond = sign | if away { format.infinity() } else { format.largest() };
                if top > format.bias() {
                    return beyond;
                }
                let kept = if exponent >= unit {
                    mantissa << (exponent - unit)
                } else {
                    shift_rounded(mantissa, (unit - exponent) as u32, negative, round)
                } as u64;
                // The hidden bit adds one to the exponent, and so does a carry out of the fraction.
                let bits = (((unit - lowest) as u64) << format.fraction) + kept;
                if bits < format.infinity() { sign | bits } else { beyond }
            }
        }
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        f64::from_bits(self.bits(F64, Round::Even))
    }

    /// The number that a double is.
    pub fn from_f64(value: f64) -> Self {
        Self::of(value.to_bits(), F64)
    }
}

fn shift_rounded(mantissa: u128, shift: u32, negative: bool, round: Round) -> u128 {
    let (kept, rest, half) = match shift {
        0 => return mantissa,
        1..=127 => (mantissa >> shift, mantissa & ((1 << shift) - 1), 1_u128 << (shift - 1)),
        // Less than half of the unit.
        _ => (0, 1, 2),
    };
    let up = match round {
        Round::Even => rest > half || rest == half && kept & 1 == 1,
        Round::Up => rest != 0 && !negative,
        Round::Down => rest != 0 && negative,
        Round::Zero => false,
    };
    kept + u128::from(up)
}
