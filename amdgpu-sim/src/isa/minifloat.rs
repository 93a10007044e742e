//! Floating-point numbers of 8 bits, to and from f32.
//!
//! CDNA 3 has the FNUZ kinds (no infinities, one NaN, no negative zero; *CDNA 3 ISA*, section 7.2 "8-bit floating point"),
//! RDNA 4 those of the Open Compute Project (*RDNA 4 ISA*, section 7.11).

/// A kind of 8-bit floating-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minifloat {
    /// Bits of the mantissa: 3 for FP8 (E4M3), 2 for BF8 (E5M2).
    mantissa: u32,
    /// Exponent that stands for 2 to the power 0.
    bias: i32,
    special: Special,
}

/// Which encodings are no finite numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    /// Negative zero's is the only NaN.
    NegativeZero,
    /// All ones are NaN.
    Ones,
    /// As in IEEE 754: the largest exponent is for infinity and NaN.
    Ieee,
}

/// FP8 of CDNA 3: E4M3, up to 240.
pub const FP8_FNUZ: Minifloat = Minifloat { mantissa: 3, bias: 8, special: Special::NegativeZero };
/// BF8 of CDNA 3: E5M2, up to 57344.
pub const BF8_FNUZ: Minifloat = Minifloat { mantissa: 2, bias: 16, special: Special::NegativeZero };
/// FP8 of the Open Compute Project: E4M3, up to 448.
pub const FP8_OCP: Minifloat = Minifloat { mantissa: 3, bias: 7, special: Special::Ones };
/// BF8 of the Open Compute Project: E5M2, up to 57344.
pub const BF8_OCP: Minifloat = Minifloat { mantissa: 2, bias: 15, special: Special::Ieee };

/// How a number that lies between two is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, ties to even.
    Nearest,
    /// Up in as many cases as the distance to the lower one says, by these random bits.
    Stochastic(u32),
}

impl Minifloat {
    /// The value of a bit pattern. All are exact.
    pub const fn to_f32(self, bits: u8) -> f32 {
        let negative = bits >> 7 != 0;
        let magnitude = (bits & 0x7f) as u32;
        let (exponent, mantissa) = (magnitude >> self.mantissa, magnitude & ((1 << self.mantissa) - 1));
        let nan = match self.special {
            Special::NegativeZero => bits == 0x80,
            Special::Ones => magnitude == 0x7f,
            Special::Ieee => exponent == 31 && mantissa != 0,
        };
        if nan {
            return f32::NAN;
        }
        if matches!(self.special, Special::Ieee) && exponent == 31 {
            return if negative { f32::NEG_INFINITY } else { f32::INFINITY };
        }
        // An integer times a power of two that f32 has as a normal number.
        let (significand, scale) =
            if exponent == 0 { (mantissa, 1) } else { (mantissa | 1 << self.mantissa, exponent as i32) };
        let power = scale - self.bias - self.mantissa as i32;
        let value = significand as f32 * f32::from_bits(((127 + power) as u32) << 23);
        if negative { -value } else { value }
    }

    /// The values of all bit patterns.
    pub const fn table(self) -> [f32; 256] {
        let mut table = [0.0; 256];
        let mut bits = 0;
        while bits < 256 {
            table[bits] = self.to_f32(bits as u8);
            bits += 1;
        }
        table
    }

    /// Largest finite magnitude, as bits.
    fn largest(self) -> u32 {
        match self.special {
            Special::NegativeZero => 0x7f,
            Special::Ones => 0x7e,
            Special::Ieee => 0x7b,
        }
    }

    fn nan(self) -> u8 {
        match self.special {
            Special::NegativeZero => 0x80,
            Special::Ones | Special::Ieee => 0x7f,
        }
    }

    /// What a number too large becomes, without its sign.
    fn overflow(self, saturate: bool) -> u32 {
        match self.special {
            _ if saturate => self.largest(),
            Special::NegativeZero => 0x80,
            Special::Ones => 0x7f,
            Special::Ieee => 0x7c,
        }
    }

    /// The bits of the number next to `x`. Numbers too large become the largest one if `saturate`, else infinity, or NaN
    /// in kinds without infinities. Infinity itself stays, or becomes NaN.
    pub fn round(self, x: f32, rounding: Rounding, saturate: bool) -> u8 {
        let sign = (x.to_bits() >> 24) as u8 & 0x80;
        let signed = |magnitude: u32| match self.special {
            // Zero has no sign, and the NaN has it already.
            Special::NegativeZero if magnitude == 0 || magnitude == 0x80 => magnitude as u8,
            _ => magnitude as u8 | sign,
        };
        if x.is_nan() {
            return if self.special == Special::NegativeZero { self.nan() } else { self.nan() | sign };
        }
        if x.is_infinite() {
            return signed(self.overflow(false));
        }
        let raw = x.to_bits() & 0x7fff_ffff;
        let (exponent, mantissa) = match raw >> 23 {
            0 => (-126, raw),
            exponent => (exponent as i32 - 127, raw & 0x7f_ffff | 1 << 23),
        };
        // Bits of the significand that are dropped: those beyond the mantissa, and more for denormal results.
        let smallest = 1 - self.bias;
        let dropped = (23 - self.mantissa as i32) + (smallest - exponent).max(0);
        let (kept, rest) = if dropped >= 32 {
            (0, mantissa.min(1))
        } else {
            (mantissa >> dropped, mantissa & ((1_u32 << dropped) - 1))
        };
        let up = match rounding {
            Rounding::Nearest => {
                dropped <= 25 && {
                    let half = 1_u64 << (dropped - 1);
                    u64::from(rest) > half || u64::from(rest) == half && kept & 1 == 1
                }
            }
            // The random bits are aligned with the bits that are dropped of a normal number.
            Rounding::Stochastic(random) => {
                let width = 23 - self.mantissa;
                let random = u64::from(random >> (32 - width)) << (dropped - width as i32).min(31);
                dropped < 32 && u64::from(rest) + random >= 1 << dropped
            }
        };
        // A carry out of the mantissa goes into the exponent, as it should.
        let biased = if exponent < smallest { 0 } else { ((exponent - smallest) as u32) << self.mantissa };
        let magnitude = biased + kept + u32::from(up);
        signed(if magnitude > self.largest() { self.overflow(saturate) } else { magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Minifloat; 4] = [FP8_FNUZ, BF8_FNUZ, FP8_OCP, BF8_OCP];

    #[test]
    fn the_largest_and_the_smallest_are_those_of_the_formats() {
        let ends = KINDS.map(|kind| (kind.to_f32(kind.largest() as u8), kind.to_f32(1)));
        let power = |n: i32| 2_f32.powi(n);
        assert_eq!(ends, [(240.0, power(-10)), (57344.0, power(-17)), (448.0, power(-9)), (57344.0, power(-16))]);
        assert!(FP8_FNUZ.to_f32(0x80).is_nan() && FP8_OCP.to_f32(0xff).is_nan() && BF8_OCP.to_f32(0xfd).is_nan());
        assert_eq!((BF8_OCP.to_f32(0xfc), BF8_OCP.to_f32(0x80).to_bits()), (f32::NEG_INFINITY, 1 << 31));
    }

    #[test]
    fn what_is_representable_comes_back() {
        for kind in KINDS {
            for bits in 0..=255 {
                let value = kind.to_f32(bits);
                let back = kind.round(value, Rounding::Nearest, false);
                assert!(back == bits || value.is_nan() && kind.to_f32(back).is_nan(), "{kind:?} {bits:#x} {back:#x}");
                if value.is_finite() {
                    assert_eq!(kind.round(value, Rounding::Stochastic(u32::MAX), true), bits, "{kind:?}");
                }
            }
        }
    }

    #[test]
    fn nearest_is_nearest() {
        for kind in KINDS {
            let values: Vec<(u8, f32)> = (0..=kind.largest() as u8).map(|bits| (bits, kind.to_f32(bits))).collect();
            for pair in values.windows(2) {
                let [(low_bits, low), (high_bits, high)] = [pair[0], pair[1]];
                let middle = (low + high) / 2.0;
                let below = f32::from_bits(middle.to_bits() - 1);
                let above = f32::from_bits(middle.to_bits() + 1);
                let even = if low_bits & 1 == 0 { low_bits } else { high_bits };
                let got = [below, middle, above].map(|x| kind.round(x, Rounding::Nearest, true));
                assert_eq!(got, [low_bits, even, high_bits], "{kind:?} between {low} and {high}");
            }
        }
    }

    #[test]
    fn random_bits_round_up_as_often_as_they_should() {
        for kind in KINDS {
            for (low_bits, quarter) in [(0x01, 1), (0x31, 3), (0x40, 2)] {
                let (low, high) = (kind.to_f32(low_bits), kind.to_f32(low_bits + 1));
                let x = low + (high - low) * quarter as f32 / 4.0;
                let up = (0..64_u32).filter(|n| {
                    let got = kind.round(x, Rounding::Stochastic(n << 26), true);
                    assert!(got == low_bits || got == low_bits + 1);
                    got != low_bits
                });
                assert_eq!(up.count(), 16 * quarter, "{kind:?} {low_bits:#x}");
            }
        }
    }

    #[test]
    fn numbers_too_large_saturate_or_not() {
        let convert = |kind: Minifloat, saturate| kind.round(-1e9, Rounding::Nearest, saturate);
        assert_eq!(KINDS.map(|kind| convert(kind, true)), [0xff, 0xff, 0xfe, 0xfb]);
        assert_eq!(KINDS.map(|kind| convert(kind, false)), [0x80, 0x80, 0xff, 0xfc]);
    }
}
