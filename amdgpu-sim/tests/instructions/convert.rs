//! Vector instructions that convert. The chapters "VOP1" and "VOP3A" of the guides.

use super::{
    float::{self, Format, Number, Round},
    operand::Type::{self, B16, B32, F16, F32, F64, PkF16},
    target::Generation,
    vector::{Lane, Row, row},
};

/// A number as an integer of so many bits: cut off at the limits; a NaN is zero.
fn integer(number: Number, round: Round, bits: u32, signed: bool) -> u64 {
    let (least, most) =
        if signed { (-1_i128 << (bits - 1), (1_i128 << (bits - 1)) - 1) } else { (0, (1_i128 << bits) - 1) };
    let value = match number {
        Number::Nan => 0,
        number => number.to_integer(round).unwrap_or(if number.is_negative() { i128::MIN } else { i128::MAX }),
    };
    (value.clamp(least, most) & ((1_i128 << bits) - 1)) as u64
}

fn to_integer(l: &Lane, t: Type, a: u64, bits: u32, signed: bool) -> u64 {
    integer(l.number(t, a), Round::Zero, bits, signed)
}

fn from_integer(l: &Lane, t: Type, value: i128) -> u64 {
    l.bits(t, Number::integer(value))
}

fn signed(value: u64) -> i128 {
    i128::from(value as u32 as i32)
}

/// A number from -1 to 1, or from 0, in so many parts.
fn normal(l: &Lane, t: Type, a: u64, signed: bool) -> u64 {
    let one = Number::integer(1);
    let limit = if signed { Number::integer(-1) } else { Number::Zero(false) };
    let number = l.number(t, a);
    let above = number.compare(one) == Some(std::cmp::Ordering::Greater);
    let below = number.compare(limit) == Some(std::cmp::Ordering::Less);
    let number = if above {
        one
    } else if below {
        limit
    } else {
        number
    };
    let parts = Number::integer(if signed { 32767 } else { 65535 });
    integer(number.times(parts), Round::Even, 16, signed)
}

/// Half precision, cut off.
fn half_cut(l: &mut Lane, a: u64) -> u64 {
    let bits = l.number(F32, a).bits(float::F16, Round::Zero);
    // Whether MODE has it flush denormals, the guides do not say.
    l.unspecified |= float::F16.is_denormal(bits) && !l.mode.denormals_16_64[1];
    bits
}

fn byte(l: &Lane, a: u64, i: u32) -> u64 {
    from_integer(l, F32, i128::from(a >> (8 * i) & 0xff))
}

/// Eight bits as a number. CDNA 3's formats have no infinity, no minus zero, one NaN, and a bias that is one larger;
/// RDNA 4's are those of the Open Compute Project.
fn eight(l: &Lane, format: Format, bits: u64) -> u64 {
    let bits = bits & 0xff;
    let magnitude = bits & 0x7f;
    if l.target.generation == Generation::Gfx9 {
        if bits == 0x80 {
            return float::F32.nan();
        }
        // Even what looks like an infinity is a number: seen as one of a wider exponent, it is one.
        let wide = Format { exponent: format.exponent + 1, fraction: format.fraction };
        let narrow = bits & 0x80;
        let number = Number::of(magnitude, wide);
        // A denormal has the exponent of the smallest normal number, whatever the bias.
        return number.with_sign(narrow != 0).scaled(wide.bias() - format.bias() - 1).bits(float::F32, Round::Even);
    }
    // With four bits of exponent, all ones are a NaN, and what else has the largest exponent are numbers.
    if format == FP8 && magnitude == 0x7f {
        return float::F32.nan();
    }
    if format == FP8 && magnitude >= format.infinity() {
        let number = Number::of(magnitude - 8, format).scaled(1);
        return number.with_sign(bits >> 7 != 0).bits(float::F32, Round::Even);
    }
    Number::of(bits, format).bits(float::F32, Round::Even)
}

const FP8: Format = Format { exponent: 4, fraction: 3 };
const BF8: Format = Format { exponent: 5, fraction: 2 };

/// The table.
pub static TABLE: &[Row] = &[
    row(&["v_cvt_f32_i32"], F32, &[B32], |l, [a, ..]| from_integer(l, F32, signed(a))),
    row(&["v_cvt_f32_u32"], F32, &[B32], |l, [a, ..]| from_integer(l, F32, i128::from(a))),
    row(&["v_cvt_f64_i32"], F64, &[B32], |l, [a, ..]| from_integer(l, F64, signed(a))),
    row(&["v_cvt_f64_u32"], F64, &[B32], |l, [a, ..]| from_integer(l, F64, i128::from(a))),
    row(&["v_cvt_f16_i16"], F16, &[B16], |l, [a, ..]| from_integer(l, F16, i128::from(a as i16))),
    row(&["v_cvt_f16_u16"], F16, &[B16], |l, [a, ..]| from_integer(l, F16, i128::from(a as u16))),
    row(&["v_cvt_f32_ubyte0"], F32, &[B32], |l, [a, ..]| byte(l, a, 0)),
    row(&["v_cvt_f32_ubyte1"], F32, &[B32], |l, [a, ..]| byte(l, a, 1)),
    row(&["v_cvt_f32_ubyte2"], F32, &[B32], |l, [a, ..]| byte(l, a, 2)),
    row(&["v_cvt_f32_ubyte3"], F32, &[B32], |l, [a, ..]| byte(l, a, 3)),
    row(&["v_cvt_i32_f32"], B32, &[F32], |l, [a, ..]| to_integer(l, F32, a, 32, true)),
    row(&["v_cvt_u32_f32"], B32, &[F32], |l, [a, ..]| to_integer(l, F32, a, 32, false)),
    row(&["v_cvt_i32_f64"], B32, &[F64], |l, [a, ..]| to_integer(l, F64, a, 32, true)),
    row(&["v_cvt_u32_f64"], B32, &[F64], |l, [a, ..]| to_integer(l, F64, a, 32, false)),
    row(&["v_cvt_i16_f16"], B16, &[F16], |l, [a, ..]| to_integer(l, F16, a, 16, true)),
    row(&["v_cvt_u16_f16"], B16, &[F16], |l, [a, ..]| to_integer(l, F16, a, 16, false)),
    row(&["v_cvt_i32_i16"], B32, &[B16], |_, [a, ..]| u64::from(i32::from(a as i16) as u32)),
    row(&["v_cvt_u32_u16"], B32, &[B16], |_, [a, ..]| u64::from(a as u16)),
    row(&["v_cvt_rpi_i32_f32", "v_cvt_nearest_i32_f32"], B32, &[F32], |l, [a, ..]| {
        let half = Number::integer(1).scaled(-1);
        integer(l.number(F32, a).plus(half, Round::Even), Round::Down, 32, true)
    }),
    row(&["v_cvt_flr_i32_f32", "v_cvt_floor_i32_f32"], B32, &[F32], |l, [a, ..]| {
        integer(l.number(F32, a), Round::Down, 32, true)
    }),
    row(&["v_cvt_off_f32_i4"], F32, &[B32], |l, [a, ..]| {
        let value = i128::from(((a << 60) as i64) >> 60);
        l.bits(F32, Number::integer(value).scaled(-4))
    }),
    row(&["v_cvt_f16_f32"], F16, &[F32], |l, [a, ..]| l.bits(F16, l.number(F32, a))),
    row(&["v_cvt_f32_f16"], F32, &[F16], |l, [a, ..]| l.bits(F32, l.number(F16, a))),
    row(&["v_cvt_f32_f64"], F32, &[F64], |l, [a, ..]| l.bits(F32, l.number(F64, a))),
    row(&["v_cvt_f64_f32"], F64, &[F32], |l, [a, ..]| l.bits(F64, l.number(F32, a))),
    row(&["v_cvt_norm_i16_f16"], B16, &[F16], |l, [a, ..]| normal(l, F16, a, true)),
    row(&["v_cvt_norm_u16_f16"], B16, &[F16], |l, [a, ..]| normal(l, F16, a, false)),
    row(&["v_cvt_pknorm_i16_f32", "v_cvt_pk_norm_i16_f32"], B32, &[F32, F32], |l, [a, b, _]| {
        normal(l, F32, a, true) | normal(l, F32, b, true) << 16
    }),
    row(&["v_cvt_pknorm_u16_f32", "v_cvt_pk_norm_u16_f32"], B32, &[F32, F32], |l, [a, b, _]| {
        normal(l, F32, a, false) | normal(l, F32, b, false) << 16
    }),
    row(&["v_cvt_pknorm_i16_f16", "v_cvt_pk_norm_i16_f16"], B32, &[F16, F16], |l, [a, b, _]| {
        normal(l, F16, a, true) | normal(l, F16, b, true) << 16
    }),
    row(&["v_cvt_pknorm_u16_f16", "v_cvt_pk_norm_u16_f16"], B32, &[F16, F16], |l, [a, b, _]| {
        normal(l, F16, a, false) | normal(l, F16, b, false) << 16
    }),
    row(&["v_cvt_pk_i16_f32"], B32, &[F32, F32], |l, [a, b, _]| {
        to_integer(l, F32, a, 16, true) | to_integer(l, F32, b, 16, true) << 16
    }),
    row(&["v_cvt_pk_u16_f32"], B32, &[F32, F32], |l, [a, b, _]| {
        to_integer(l, F32, a, 16, false) | to_integer(l, F32, b, 16, false) << 16
    }),
    row(&["v_cvt_pkrtz_f16_f32", "v_cvt_pk_rtz_f16_f32"], PkF16, &[F32, F32], |l, [a, b, _]| {
        half_cut(l, a) | half_cut(l, b) << 16
    }),
    row(&["v_pack_b32_f16"], PkF16, &[F16, F16], |l, [a, b, _]| {
        // Whether it quietens NaNs and flushes denormals, the guides do not say.
        let odd = |x| float::F16.is_signalling(x) || float::F16.is_denormal(x) && !l.mode.denormals_16_64[0];
        l.unspecified = odd(a) || odd(b);
        a | b << 16
    }),
    row(&["v_cvt_pk_u8_f32"], B32, &[F32, B32, B32], |l, [a, b, c]| {
        let shift = 8 * (b & 3);
        // The one conversion to integers that is rounded. Whether MODE says how, the guides do not say.
        l.unspecified = l.round(F32) != Round::Even;
        c & !(0xff << shift) | integer(l.number(F32, a), Round::Even, 8, false) << shift
    }),
    row(&["v_cvt_f32_fp8"], F32, &[B32], |l, [a, ..]| eight(l, FP8, a)),
    row(&["v_cvt_f32_bf8"], F32, &[B32], |l, [a, ..]| eight(l, BF8, a)),
];
