//! Vector arithmetic: VOP1, VOP2 and VOP3 (*CDNA 3 ISA*, sections 12.7 to 12.10).
//!
//! Each arm states what an instruction means, as a closure over its sources' values. `v_*rev` instructions have their
//! first two sources the other way round.

use half::f16;
use rustc_apfloat::Round;

use super::{
    arithmetic::{
        Extreme, approximate, cos_turns, div_fixup, div_fmas_f32, div_fmas_f64, extreme, f16_from_f64, f16_toward_zero,
        fma_f16, fract, fract_f32, frexp_exponent, frexp_mantissa, ldexp, ldexp_f32, maximum, median, minimum, permute,
        sin_turns, trig_preop,
    },
    decode::nothing,
    lane::Lane,
    rounding,
    step::{DecodeError, Flow, Step, step},
    text::M0,
    valu::{Vop, accumulate, op1, op2, op2_mode, op3, op3_at, op3_mode, rounded1, rounded2, rounded3, write},
};
use crate::machine::wave::{LANES, Mode, Size, Wave};

type Decoded = Result<Step, DecodeError>;

/// The step of a vector arithmetic instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Decoded> {
    let m = v.parsed.mnemonic.as_str();
    moves(v, m)
        .or_else(|| float32(v, m))
        .or_else(|| float64(v, m))
        .or_else(|| float16(v, m))
        .or_else(|| extremes(v, m))
        .or_else(|| conversions(v, m))
        .or_else(|| integer(v, m))
        .or_else(|| integer16(v, m))
        .or_else(|| carries(v, m))
        .or_else(|| lanes(v, m))
        .or_else(|| moved_by_index(v, m))
}

/// Where a factor is zero so is the product, whatever the other factor.
fn fma_legacy(a: f32, b: f32, c: f32) -> f32 {
    if a == 0.0 || b == 0.0 { c } else { a.mul_add(b, c) }
}

fn directed_fma_legacy(round: Round, a: f32, b: f32, c: f32) -> f32 {
    if a == 0.0 || b == 0.0 { c } else { rounding::fma(round, a, b, c) }
}

fn moves(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    Some(match m {
        "v_nop" | "v_clrexcp" => Ok(nothing()),
        "v_mov_b32" => op1(v, |a: u32| a),
        "v_mov_b64" => op1(v, |a: u64| a),
        "v_accvgpr_read_b32" | "v_accvgpr_write_b32" | "v_accvgpr_read" | "v_accvgpr_write" | "v_accvgpr_mov_b32" => {
            op1(v, |a: u32| a)
        }
        "v_mov_b16" => op1(v, |a: u16| a),
        "v_swap_b32" => swap::<u32>(v),
        "v_swap_b16" => swap::<u16>(v),
        "v_cndmask_b32" => conditional::<u32>(v),
        "v_cndmask_b16" => conditional::<u16>(v),
        _ => return None,
    })
}

fn float32(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    Some(match m {
        "v_add_f32" => rounded2(v, |a: f32, b: f32| a + b, rounding::add),
        "v_sub_f32" => rounded2(v, |a: f32, b: f32| a - b, rounding::sub),
        "v_subrev_f32" => rounded2(v, |a: f32, b: f32| b - a, rounding::subrev),
        "v_mul_f32" => rounded2(v, |a: f32, b: f32| a * b, rounding::mul),
        "v_mul_legacy_f32" => rounded2(
            v,
            |a: f32, b: f32| if a == 0.0 || b == 0.0 { 0.0 } else { a * b },
            |round, a, b| if a == 0.0 || b == 0.0 { 0.0 } else { rounding::mul(round, a, b) },
        ),
        "v_fma_f32" => rounded3(v, |a: f32, b: f32, c: f32| a.mul_add(b, c), rounding::fma),
        "v_fmac_f32" => accumulate(v, |a: f32, b: f32, d: f32| a.mul_add(b, d), rounding::fma),
        // Operands as written: v_fmamk d, a, K, c means a * K + c; v_fmaak d, a, b, K means a * b + K.
        "v_fmamk_f32" | "v_fmaak_f32" => rounded3(v, |a: f32, b: f32, c: f32| a.mul_add(b, c), rounding::fma),
        "v_mad_f32" | "v_madmk_f32" | "v_madak_f32" => rounded3(v, |a: f32, b: f32, c: f32| a * b + c, rounding::mad),
        "v_mad_legacy_f32" => rounded3(
            v,
            |a: f32, b: f32, c: f32| if a == 0.0 || b == 0.0 { c } else { a * b + c },
            |round, a, b, c| if a == 0.0 || b == 0.0 { c } else { rounding::mad(round, a, b, c) },
        ),
        "v_mac_f32" => accumulate(v, |a: f32, b: f32, d: f32| a * b + d, rounding::mad),
        "v_min_f32" => op2_mode(v, |m, a: f32, b: f32| extreme(m, Extreme::Min, a, b)),
        "v_max_f32" => op2_mode(v, |m, a: f32, b: f32| extreme(m, Extreme::Max, a, b)),
        "v_min3_f32" => three::<f32>(v, |m, a, b, c| extreme(m, Extreme::Min, extreme(m, Extreme::Min, a, b), c)),
        "v_max3_f32" => three::<f32>(v, |m, a, b, c| extreme(m, Extreme::Max, extreme(m, Extreme::Max, a, b), c)),
        "v_med3_f32" => three::<f32>(v, median),
        "v_fma_legacy_f32" => rounded3(v, fma_legacy, directed_fma_legacy),
        "v_fmac_legacy_f32" => accumulate(v, fma_legacy, directed_fma_legacy),
        "v_floor_f32" => op1(v, f32::floor),
        "v_ceil_f32" => op1(v, f32::ceil),
        "v_trunc_f32" => op1(v, f32::trunc),
        "v_rndne_f32" => op1(v, f32::round_ties_even),
        "v_fract_f32" => rounded1(v, fract_f32, rounding::fract),
        "v_exp_f32" | "v_exp_legacy_f32" => op1(v, |a: f32| approximate(a, f64::exp2)),
        "v_log_f32" | "v_log_legacy_f32" => op1(v, |a: f32| approximate(a, f64::log2)),
        "v_rcp_f32" | "v_rcp_iflag_f32" => op1(v, |a: f32| approximate(a, f64::recip)),
        "v_rsq_f32" => op1(v, |a: f32| approximate(a, |x| 1.0 / x.sqrt())),
        "v_sqrt_f32" => op1(v, |a: f32| approximate(a, f64::sqrt)),
        "v_sin_f32" => op1(v, |a: f32| approximate(a, sin_turns)),
        "v_cos_f32" => op1(v, |a: f32| approximate(a, cos_turns)),
        "v_ldexp_f32" => rounded2(v, ldexp_f32, rounding::ldexp),
        "v_frexp_exp_i32_f32" => op1(v, |a: f32| frexp_exponent(f64::from(a))),
        "v_frexp_mant_f32" => op1(v, |a: f32| frexp_mantissa(f64::from(a)) as f32),
        "v_div_scale_f32" => div_scale::<f32>(v, rounding::div_scale_f32),
        "v_div_fmas_f32" => div_fmas::<f32>(v, div_fmas_f32, rounding::div_fmas_f32),
        "v_div_fixup_f32" => {
            three(v, |_, q: f32, d: f32, n: f32| div_fixup(f64::from(q), f64::from(d), f64::from(n), -150, 256) as f32)
        }
        _ => return None,
    })
}

fn float64(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    Some(match m {
        "v_add_f64" => rounded2(v, |a: f64, b: f64| a + b, rounding::add),
        "v_mul_f64" => rounded2(v, |a: f64, b: f64| a * b, rounding::mul),
        "v_fma_f64" => rounded3(v, |a: f64, b: f64, c: f64| a.mul_add(b, c), rounding::fma),
        "v_fmac_f64" => accumulate(v, |a: f64, b: f64, d: f64| a.mul_add(b, d), rounding::fma),
        "v_min_f64" => op2_mode(v, |m, a: f64, b: f64| extreme(m, Extreme::Min, a, b)),
        "v_max_f64" => op2_mode(v, |m, a: f64, b: f64| extreme(m, Extreme::Max, a, b)),
        "v_floor_f64" => op1(v, f64::floor),
        "v_ceil_f64" => op1(v, f64::ceil),
        "v_trunc_f64" => op1(v, f64::trunc),
        "v_rndne_f64" => op1(v, f64::round_ties_even),
        "v_fract_f64" => rounded1(v, fract, rounding::fract),
        "v_rcp_f64" => op1(v, f64::recip),
        "v_rsq_f64" => op1(v, |a: f64| 1.0 / a.sqrt()),
        "v_sqrt_f64" => op1(v, f64::sqrt),
        "v_ldexp_f64" => rounded2(v, ldexp, rounding::ldexp),
        "v_frexp_exp_i32_f64" => op1(v, frexp_exponent),
        "v_frexp_mant_f64" => op1(v, frexp_mantissa),
        "v_trig_preop_f64" => op2(v, trig_preop),
        "v_div_scale_f64" => div_scale::<f64>(v, rounding::div_scale_f64),
        "v_div_fmas_f64" => div_fmas::<f64>(v, div_fmas_f64, rounding::div_fmas_f64),
        "v_div_fixup_f64" => three(v, |_, q: f64, d: f64, n: f64| div_fixup(q, d, n, -1075, 2047)),
        _ => return None,
    })
}

fn float16(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    let via = |f: fn(f32) -> f32| op1(v, move |a: f16| f16::from_f32(f(a.to_f32())));
    Some(match m {
        // Exact or innocuously rounded in f32 (24 bits are more than twice 11 and two).
        "v_add_f16" => rounded2(v, |a: f16, b: f16| f16::from_f32(a.to_f32() + b.to_f32()), rounding::add),
        "v_sub_f16" => rounded2(v, |a: f16, b: f16| f16::from_f32(a.to_f32() - b.to_f32()), rounding::sub),
        "v_subrev_f16" => rounded2(v, |a: f16, b: f16| f16::from_f32(b.to_f32() - a.to_f32()), rounding::subrev),
        "v_mul_f16" => rounded2(v, |a: f16, b: f16| f16::from_f32(a.to_f32() * b.to_f32()), rounding::mul),
        "v_fma_f16" => rounded3(v, fma_f16, rounding::fma),
        "v_fmac_f16" => accumulate(v, fma_f16, rounding::fma),
        "v_fmamk_f16" | "v_fmaak_f16" => rounded3(v, fma_f16, rounding::fma),
        "v_mad_f16" | "v_mad_legacy_f16" | "v_madmk_f16" | "v_madak_f16" => rounded3(v, mad_f16, rounding::mad),
        "v_mac_f16" => accumulate(v, mad_f16, rounding::mad),
        "v_fma_legacy_f16" => rounded3(v, fma_f16, rounding::fma),
        "v_min_f16" => op2_mode(v, |m, a: f16, b: f16| extreme(m, Extreme::Min, a, b)),
        "v_max_f16" => op2_mode(v, |m, a: f16, b: f16| extreme(m, Extreme::Max, a, b)),
        "v_min3_f16" => three::<f16>(v, |m, a, b, c| extreme(m, Extreme::Min, extreme(m, Extreme::Min, a, b), c)),
        "v_max3_f16" => three::<f16>(v, |m, a, b, c| extreme(m, Extreme::Max, extreme(m, Extreme::Max, a, b), c)),
        "v_med3_f16" => three::<f16>(v, median),
        "v_floor_f16" => via(f32::floor),
        "v_ceil_f16" => via(f32::ceil),
        "v_trunc_f16" => via(f32::trunc),
        "v_rndne_f16" => via(f32::round_ties_even),
        "v_fract_f16" => rounded1(
            v,
            |a: f16| match fract(a.to_f64()) {
                below if below.is_nan() => f16::NAN,
                below => f16_from_f64(below.min(0.999_511_718_75)),
            },
            rounding::fract,
        ),
        "v_exp_f16" => via(f32::exp2),
        "v_log_f16" => via(f32::log2),
        "v_rcp_f16" => via(f32::recip),
        "v_rsq_f16" => via(|x| 1.0 / x.sqrt()),
        "v_sqrt_f16" => via(f32::sqrt),
        "v_sin_f16" => op1(v, |a: f16| f16_from_f64(sin_turns(a.to_f64()))),
        "v_cos_f16" => op1(v, |a: f16| f16_from_f64(cos_turns(a.to_f64()))),
        "v_ldexp_f16" => rounded2(
            v,
            |a: f16, b: i16| f16_from_f64(ldexp(a.to_f64(), i32::from(b))),
            |round, a, b| rounding::ldexp(round, a, i32::from(b)),
        ),
        "v_frexp_exp_i16_f16" => op1(v, |a: f16| frexp_exponent(a.to_f64()) as i16),
        "v_frexp_mant_f16" => op1(v, |a: f16| f16_from_f64(frexp_mantissa(a.to_f64()))),
        "v_div_fixup_f16" | "v_div_fixup_legacy_f16" => three(v, |_, q: f16, d: f16, n: f16| {
            f16_from_f64(div_fixup(q.to_f64(), d.to_f64(), n.to_f64(), -1000, 1000))
        }),
        _ => return None,
    })
}

/// Minima and maxima of RDNA 3 and 4, alone and in combination.
fn extremes(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    let (name, ty) = m.rsplit_once('_')?;
    match ty {
        "f64" => extremes_of::<f64>(v, name),
        "f32" => extremes_of::<f32>(v, name),
        "f16" => extremes_of::<f16>(v, name),
        _ => None,
    }
}

fn extremes_of<T: Lane + PartialOrd>(v: &Vop<'_>, name: &str) -> Option<Decoded> {
    let (min, max) = (|m, a: T, b: T| extreme(m, Extreme::Min, a, b), |m, a: T, b: T| extreme(m, Extreme::Max, a, b));
    Some(match name {
        "v_minmax" => three::<T>(v, move |m, a, b, c| max(m, min(m, a, b), c)),
        "v_maxmin" => three::<T>(v, move |m, a, b, c| min(m, max(m, a, b), c)),
        "v_minimum" => op2_mode(v, |_, a: T, b| minimum(a, b)),
        "v_maximum" => op2_mode(v, |_, a: T, b| maximum(a, b)),
        "v_minimum3" => three::<T>(v, |_, a, b, c| minimum(minimum(a, b), c)),
        "v_maximum3" => three::<T>(v, |_, a, b, c| maximum(maximum(a, b), c)),
        "v_minimummaximum" => three::<T>(v, |_, a, b, c| maximum(minimum(a, b), c)),
        "v_maximumminimum" => three::<T>(v, |_, a, b, c| minimum(maximum(a, b), c)),
        _ => return None,
    })
}

/// The bits of -1 to 1 as a signed integer of 16 bits.
fn norm_i16(x: f32) -> u16 {
    (x.clamp(-1.0, 1.0) * 32767.0).round_ties_even() as i16 as u16
}

/// The bits of 0 to 1 as an unsigned integer of 16 bits.
fn norm_u16(x: f32) -> u16 {
    (x.clamp(0.0, 1.0) * 65535.0).round_ties_even() as u16
}

/// Rounded after the product, and after the sum.
fn mad_f16(a: f16, b: f16, c: f16) -> f16 {
    f16::from_f32(f16::from_f32(a.to_f32() * b.to_f32()).to_f32() + c.to_f32())
}

fn conversions(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    Some(match m {
        "v_cvt_f32_i32" => rounded1(v, |a: i32| a as f32, rounding::from_integer),
        "v_cvt_f32_u32" => rounded1(v, |a: u32| a as f32, rounding::from_integer),
        "v_cvt_i32_f32" => op1(v, |a: f32| a as i32),
        "v_cvt_u32_f32" => op1(v, |a: f32| a as u32),
        "v_cvt_f64_i32" => op1(v, |a: i32| f64::from(a)),
        "v_cvt_f64_u32" => op1(v, |a: u32| f64::from(a)),
        "v_cvt_i32_f64" => op1(v, |a: f64| a as i32),
        "v_cvt_u32_f64" => op1(v, |a: f64| a as u32),
        "v_cvt_f32_f64" => rounded1(v, |a: f64| a as f32, rounding::convert),
        "v_cvt_f64_f32" => op1(v, |a: f32| f64::from(a)),
        "v_cvt_f16_f32" => rounded1(v, f16::from_f32, rounding::convert),
        "v_cvt_f32_f16" => op1(v, f16::to_f32),
        "v_cvt_f16_u16" => rounded1(v, |a: u16| f16::from_f32(f32::from(a)), rounding::from_integer),
        "v_cvt_f16_i16" => rounded1(v, |a: i16| f16::from_f32(f32::from(a)), rounding::from_integer),
        "v_cvt_u16_f16" => op1(v, |a: f16| a.to_f32() as u16),
        "v_cvt_i16_f16" => op1(v, |a: f16| a.to_f32() as i16),
        "v_cvt_rpi_i32_f32" => op1(v, |a: f32| (f64::from(a) + 0.5).floor() as i32),
        "v_cvt_flr_i32_f32" => op1(v, |a: f32| a.floor() as i32),
        "v_cvt_off_f32_i4" => op1(v, |a: u32| ((a << 28) as i32 >> 28) as f32 / 16.0),
        "v_cvt_f32_ubyte0" => op1(v, |a: u32| (a & 0xff) as f32),
        "v_cvt_f32_ubyte1" => op1(v, |a: u32| (a >> 8 & 0xff) as f32),
        "v_cvt_f32_ubyte2" => op1(v, |a: u32| (a >> 16 & 0xff) as f32),
        "v_cvt_f32_ubyte3" => op1(v, |a: u32| (a >> 24) as f32),
        "v_cvt_pk_u8_f32" => op3_mode(v, |m, a: f32, byte: u32, c: u32| {
            let shift = 8 * (byte & 3);
            c & !(0xff << shift) | u32::from(rounding::byte(m, a)) << shift
        }),
        "v_cvt_pkrtz_f16_f32" => op2(v, |a: f32, b: f32| {
            u32::from(f16_toward_zero(a).to_bits()) | u32::from(f16_toward_zero(b).to_bits()) << 16
        }),
        "v_cvt_pknorm_i16_f32" => op2(v, |a: f32, b: f32| u32::from(norm_i16(a)) | u32::from(norm_i16(b)) << 16),
        "v_cvt_pknorm_u16_f32" => op2(v, |a: f32, b: f32| u32::from(norm_u16(a)) | u32::from(norm_u16(b)) << 16),
        "v_cvt_norm_i16_f16" => op1(v, |a: f16| norm_i16(a.to_f32())),
        "v_cvt_norm_u16_f16" => op1(v, |a: f16| norm_u16(a.to_f32())),
        "v_cvt_pknorm_i16_f16" => {
            op2(v, |a: f16, b: f16| u32::from(norm_i16(a.to_f32())) | u32::from(norm_i16(b.to_f32())) << 16)
        }
        "v_cvt_pknorm_u16_f16" => {
            op2(v, |a: f16, b: f16| u32::from(norm_u16(a.to_f32())) | u32::from(norm_u16(b.to_f32())) << 16)
        }
        "v_cvt_pkaccum_u8_f32" => op3_at(v, [1, 2, 0], v.target::<u32>(0).ok()?, |a: f32, byte: u32, d: u32| {
            let shift = 8 * (byte & 3);
            d & !(0xff << shift) | u32::from(a.round_ties_even() as u8) << shift
        }),
        "v_cvt_pk_i16_f32" => op2(v, |a: f32, b: f32| u32::from(a as i16 as u16) | u32::from(b as i16 as u16) << 16),
        "v_cvt_pk_u16_f32" => op2(v, |a: f32, b: f32| u32::from(a as u16) | u32::from(b as u16) << 16),
        "v_cvt_i32_i16" => op1(v, |a: i16| i32::from(a)),
        "v_cvt_u32_u16" => op1(v, |a: u16| u32::from(a)),
        "v_cvt_pk_u16_u32" => op2(v, |a: u32, b: u32| a.min(0xffff) | b.min(0xffff) << 16),
        "v_cvt_pk_i16_i32" => op2(v, |a: i32, b: i32| {
            let limit = |x: i32| u32::from(x.clamp(-32768, 32767) as u16);
            limit(a) | limit(b) << 16
        }),
        "v_pack_b32_f16" => op2(v, |a: f16, b: f16| u32::from(a.to_bits()) | u32::from(b.to_bits()) << 16),
        _ => return None,
    })
}

fn integer(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    let saturate = v.parsed.flag("clamp");
    // A sum in the bits of a register: its limit where it is saturated.
    let fit = move |sum: u64| if saturate { sum.min(u64::from(u32::MAX)) as u32 } else { sum as u32 };
    let s24 = |x: u32| (x << 8) as i32 >> 8;
    let u24 = |x: u32| x & 0xff_ffff;
    Some(match m {
        "v_add_u32" if saturate => op2(v, u32::saturating_add),
        "v_sub_u32" if saturate => op2(v, u32::saturating_sub),
        "v_subrev_u32" if saturate => op2(v, |a: u32, b: u32| b.saturating_sub(a)),
        "v_add_i32" if saturate => op2(v, i32::saturating_add),
        "v_sub_i32" if saturate => op2(v, i32::saturating_sub),
        "v_add_u32" | "v_add_i32" => op2(v, u32::wrapping_add),
        "v_sub_u32" | "v_sub_i32" => op2(v, u32::wrapping_sub),
        "v_subrev_u32" => op2(v, |a: u32, b: u32| b.wrapping_sub(a)),
        "v_mul_lo_u32" => op2(v, u32::wrapping_mul),
        "v_mul_hi_u32" => op2(v, |a: u32, b: u32| ((u64::from(a) * u64::from(b)) >> 32) as u32),
        "v_mul_hi_i32" => op2(v, |a: i32, b: i32| ((i64::from(a) * i64::from(b)) >> 32) as i32),
        "v_mul_i32_i24" => op2(v, move |a: u32, b: u32| (i64::from(s24(a)) * i64::from(s24(b))) as u32),
        "v_mul_hi_i32_i24" => op2(v, move |a: u32, b: u32| ((i64::from(s24(a)) * i64::from(s24(b))) >> 32) as u32),
        "v_mul_u32_u24" => op2(v, move |a: u32, b: u32| u24(a).wrapping_mul(u24(b))),
        "v_mul_hi_u32_u24" => op2(v, move |a: u32, b: u32| ((u64::from(u24(a)) * u64::from(u24(b))) >> 32) as u32),
        "v_mad_u32_u24" if saturate => op3(v, move |a: u32, b: u32, c: u32| {
            (u64::from(u24(a)) * u64::from(u24(b)) + u64::from(c)).min(u64::from(u32::MAX)) as u32
        }),
        "v_mad_i32_i24" if saturate => op3(v, move |a: u32, b: u32, c: i32| {
            (i64::from(s24(a)) * i64::from(s24(b)) + i64::from(c)).clamp(i64::from(i32::MIN), i64::from(i32::MAX))
                as i32
        }),
        "v_mad_u32_u24" => op3(v, move |a: u32, b: u32, c: u32| u24(a).wrapping_mul(u24(b)).wrapping_add(c)),
        "v_mad_i32_i24" => {
            op3(v, move |a: u32, b: u32, c: u32| ((i64::from(s24(a)) * i64::from(s24(b))) as u32).wrapping_add(c))
        }
        "v_min_i32" => op2(v, |a: i32, b: i32| a.min(b)),
        "v_max_i32" => op2(v, |a: i32, b: i32| a.max(b)),
        "v_min_u32" => op2(v, |a: u32, b: u32| a.min(b)),
        "v_max_u32" => op2(v, |a: u32, b: u32| a.max(b)),
        "v_min3_i32" => op3(v, |a: i32, b: i32, c: i32| a.min(b).min(c)),
        "v_max3_i32" => op3(v, |a: i32, b: i32, c: i32| a.max(b).max(c)),
        "v_med3_i32" => op3(v, |a: i32, b: i32, c: i32| a.min(b).max(a.max(b).min(c))),
        "v_min3_u32" => op3(v, |a: u32, b: u32, c: u32| a.min(b).min(c)),
        "v_max3_u32" => op3(v, |a: u32, b: u32, c: u32| a.max(b).max(c)),
        "v_med3_u32" => op3(v, |a: u32, b: u32, c: u32| a.min(b).max(a.max(b).min(c))),
        "v_minmax_i32" => op3(v, |a: i32, b: i32, c: i32| a.min(b).max(c)),
        "v_maxmin_i32" => op3(v, |a: i32, b: i32, c: i32| a.max(b).min(c)),
        "v_minmax_u32" => op3(v, |a: u32, b: u32, c: u32| a.min(b).max(c)),
        "v_maxmin_u32" => op3(v, |a: u32, b: u32, c: u32| a.max(b).min(c)),
        "v_lshlrev_b32" => op2(v, |a: u32, b: u32| b << (a & 31)),
        "v_lshrrev_b32" => op2(v, |a: u32, b: u32| b >> (a & 31)),
        "v_ashrrev_i32" => op2(v, |a: u32, b: i32| b >> (a & 31)),
        "v_lshlrev_b64" => op2(v, |a: u32, b: u64| b << (a & 63)),
        "v_lshrrev_b64" => op2(v, |a: u32, b: u64| b >> (a & 63)),
        "v_ashrrev_i64" => op2(v, |a: u32, b: i64| b >> (a & 63)),
        "v_and_b32" => op2(v, |a: u32, b: u32| a & b),
        "v_or_b32" => op2(v, |a: u32, b: u32| a | b),
        "v_xor_b32" => op2(v, |a: u32, b: u32| a ^ b),
        "v_xnor_b32" => op2(v, |a: u32, b: u32| !(a ^ b)),
        "v_not_b32" => op1(v, |a: u32| !a),
        "v_bfrev_b32" => op1(v, u32::reverse_bits),
        "v_ffbh_u32" => op1(v, |a: u32| if a == 0 { u32::MAX } else { a.leading_zeros() }),
        "v_ffbl_b32" => op1(v, |a: u32| if a == 0 { u32::MAX } else { a.trailing_zeros() }),
        "v_ffbh_i32" => op1(v, |a: i32| {
            let n = if a < 0 { a.leading_ones() } else { a.leading_zeros() };
            if n == 32 { u32::MAX } else { n }
        }),
        "v_bcnt_u32_b32" => op2(v, |a: u32, b: u32| a.count_ones().wrapping_add(b)),
        "v_bfe_u32" => op3(v, |a: u32, b: u32, c: u32| a >> (b & 31) & ((1_u32 << (c & 31)) - 1)),
        "v_bfe_i32" => op3(v, |a: i32, b: u32, c: u32| {
            let width = c & 31;
            if width == 0 { 0 } else { (i64::from(a >> (b & 31)) << (64 - width) >> (64 - width)) as i32 }
        }),
        "v_bfi_b32" => op3(v, |a: u32, b: u32, c: u32| a & b | !a & c),
        "v_bfm_b32" => op2(v, |a: u32, b: u32| ((1_u32 << (a & 31)) - 1) << (b & 31)),
        "v_alignbit_b32" => op3(v, |a: u32, b: u32, c: u32| ((u64::from(a) << 32 | u64::from(b)) >> (c & 31)) as u32),
        "v_alignbyte_b32" => {
            op3(v, |a: u32, b: u32, c: u32| ((u64::from(a) << 32 | u64::from(b)) >> (8 * (c & 3))) as u32)
        }
        "v_perm_b32" => op3(v, permute),
        "v_lerp_u8" => op3(v, |a: u32, b: u32, c: u32| {
            (0..4).fold(0, |d, i| {
                let byte = |x: u32| x >> (8 * i) & 0xff;
                d | (byte(a) + byte(b) + (byte(c) & 1)) >> 1 << (8 * i)
            })
        }),
        "v_sad_u32" => op3(v, move |a: u32, b: u32, c: u32| fit(u64::from(a.abs_diff(b)) + u64::from(c))),
        "v_sad_u16" => op3(v, move |a: u32, b: u32, c: u32| {
            fit(u64::from((a & 0xffff).abs_diff(b & 0xffff) + (a >> 16).abs_diff(b >> 16)) + u64::from(c))
        }),
        "v_lshl_add_u32" => op3(v, |a: u32, b: u32, c: u32| (a << (b & 31)).wrapping_add(c)),
        "v_add_lshl_u32" => op3(v, |a: u32, b: u32, c: u32| a.wrapping_add(b) << (c & 31)),
        "v_add3_u32" => op3(v, |a: u32, b: u32, c: u32| a.wrapping_add(b).wrapping_add(c)),
        "v_xad_u32" => op3(v, |a: u32, b: u32, c: u32| (a ^ b).wrapping_add(c)),
        "v_lshl_or_b32" => op3(v, |a: u32, b: u32, c: u32| a << (b & 31) | c),
        "v_and_or_b32" => op3(v, |a: u32, b: u32, c: u32| a & b | c),
        "v_or3_b32" => op3(v, |a: u32, b: u32, c: u32| a | b | c),
        "v_xor3_b32" => op3(v, |a: u32, b: u32, c: u32| a ^ b ^ c),
        "v_lshl_add_u64" => op3(v, |a: u64, b: u32, c: u64| (a << (b & 7)).wrapping_add(c)),
        "v_mad_u64_u32" => mad64(v, move |a: u32, b: u32, c: u64| {
            let (sum, carry) = (u64::from(a) * u64::from(b)).overflowing_add(c);
            (if carry && saturate { u64::MAX } else { sum }, carry)
        }),
        "v_mad_i64_i32" => mad64(v, move |a: i32, b: i32, c: u64| {
            let product = i64::from(a) * i64::from(b);
            let (sum, carry) = product.overflowing_add(c as i64);
            (if saturate { product.saturating_add(c as i64) } else { sum } as u64, carry)
        }),
        _ => return None,
    })
}

fn integer16(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    let saturate = v.parsed.flag("clamp");
    let unsigned = move |sum: u32| if saturate { sum.min(0xffff) as u16 } else { sum as u16 };
    let signed = move |sum: i32| if saturate { sum.clamp(-0x8000, 0x7fff) as i16 } else { sum as i16 };
    let three = |f: fn(u16, u16, u16) -> u16| op3(v, f);
    let three_signed = |f: fn(i16, i16, i16) -> i16| op3(v, f);
    Some(match m {
        "v_add_u16" if saturate => op2(v, u16::saturating_add),
        "v_sub_u16" if saturate => op2(v, u16::saturating_sub),
        "v_subrev_u16" if saturate => op2(v, |a: u16, b: u16| b.saturating_sub(a)),
        "v_add_i16" if saturate => op2(v, i16::saturating_add),
        "v_sub_i16" if saturate => op2(v, i16::saturating_sub),
        "v_add_u16" | "v_add_i16" => op2(v, u16::wrapping_add),
        "v_sub_u16" | "v_sub_i16" => op2(v, u16::wrapping_sub),
        "v_subrev_u16" => op2(v, |a: u16, b: u16| b.wrapping_sub(a)),
        "v_mul_lo_u16" => op2(v, u16::wrapping_mul),
        "v_min_i16" => op2(v, |a: i16, b: i16| a.min(b)),
        "v_max_i16" => op2(v, |a: i16, b: i16| a.max(b)),
        "v_min_u16" => op2(v, |a: u16, b: u16| a.min(b)),
        "v_max_u16" => op2(v, |a: u16, b: u16| a.max(b)),
        "v_lshlrev_b16" => op2(v, |a: u16, b: u16| b << (a & 15)),
        "v_lshrrev_b16" => op2(v, |a: u16, b: u16| b >> (a & 15)),
        "v_ashrrev_i16" => op2(v, |a: u16, b: i16| b >> (a & 15)),
        "v_and_b16" => op2(v, |a: u16, b: u16| a & b),
        "v_or_b16" => op2(v, |a: u16, b: u16| a | b),
        "v_xor_b16" => op2(v, |a: u16, b: u16| a ^ b),
        "v_not_b16" => op1(v, |a: u16| !a),
        "v_mad_u16" | "v_mad_legacy_u16" => {
            op3(v, move |a: u16, b: u16, c: u16| unsigned((u32::from(a) * u32::from(b)).saturating_add(u32::from(c))))
        }
        "v_mad_i16" | "v_mad_legacy_i16" => {
            op3(v, move |a: i16, b: i16, c: i16| signed(i32::from(a) * i32::from(b) + i32::from(c)))
        }
        "v_mad_u32_u16" => op3(v, move |a: u16, b: u16, c: u32| {
            let product = u32::from(a) * u32::from(b);
            if saturate { product.saturating_add(c) } else { product.wrapping_add(c) }
        }),
        "v_mad_i32_i16" => op3(v, move |a: i16, b: i16, c: i32| {
            let product = i32::from(a) * i32::from(b);
            if saturate { product.saturating_add(c) } else { product.wrapping_add(c) }
        }),
        "v_min3_u16" => three(|a, b, c| a.min(b).min(c)),
        "v_max3_u16" => three(|a, b, c| a.max(b).max(c)),
        "v_med3_u16" => three(|a, b, c| a.min(b).max(a.max(b).min(c))),
        "v_min3_i16" => three_signed(|a, b, c| a.min(b).min(c)),
        "v_max3_i16" => three_signed(|a, b, c| a.max(b).max(c)),
        "v_med3_i16" => three_signed(|a, b, c| a.min(b).max(a.max(b).min(c))),
        "v_sat_pk_u8_i16" => op1(v, |a: u32| {
            let limit = |x: i16| x.clamp(0, 255) as u16;
            limit(a as i16) | limit((a >> 16) as i16) << 8
        }),
        _ => return None,
    })
}

/// Additions and subtractions with carry.
fn carries(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    Some(match m {
        "v_add_co_u32" => carry(v, false, |a, b, _| u64::from(a) + u64::from(b)),
        "v_sub_co_u32" => carry(v, false, |a, b, _| u64::from(a).wrapping_sub(u64::from(b))),
        "v_subrev_co_u32" => carry(v, false, |a, b, _| u64::from(b).wrapping_sub(u64::from(a))),
        "v_addc_co_u32" => carry(v, true, |a, b, c| u64::from(a) + u64::from(b) + c),
        "v_subb_co_u32" => carry(v, true, |a, b, c| u64::from(a).wrapping_sub(u64::from(b)).wrapping_sub(c)),
        "v_subbrev_co_u32" => carry(v, true, |a, b, c| u64::from(b).wrapping_sub(u64::from(a)).wrapping_sub(c)),
        _ => return None,
    })
}

/// The result's 33rd bit is the carry or the borrow.
fn carry(v: &Vop<'_>, with_carry: bool, f: fn(u32, u32, u64) -> u64) -> Decoded {
    let saturate = v.parsed.flag("clamp");
    let (target, out) = (v.target::<u32>(0)?, v.scalar(1)?);
    let (a, b) = (v.source::<u32>(2, 0)?, v.source::<u32>(3, 1)?);
    let carry_in = if with_carry { Some(v.scalar(4)?) } else { None };
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([0; LANES], [0; LANES]);
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        let carries = carry_in.map_or(0, |index| wave.scalar_u64(index));
        let (mut values, mut bits) = ([0_u32; LANES], 0_u64);
        for lane in 0..LANES {
            let sum = f(a[lane], b[lane], carries >> lane & 1);
            // A borrow makes the sum negative.
            values[lane] = if saturate { (sum as i64).clamp(0, i64::from(u32::MAX)) as u32 } else { sum as u32 };
            bits |= (sum >> 32 & 1) << lane;
        }
        target.store(wave, &mut values, true);
        wave.set_lane_mask(out, bits & wave.exec());
        Ok(Flow::Next)
    }))
}

fn mad64<A: Lane>(v: &Vop<'_>, f: impl Fn(A, A, u64) -> (u64, bool) + Send + Sync + 'static) -> Decoded {
    let (target, out) = (v.target::<u64>(0)?, v.scalar(1)?);
    let (a, b, c) = (v.source::<A>(2, 0)?, v.source::<A>(3, 1)?, v.source::<u64>(4, 2)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([A::default(); LANES], [A::default(); LANES]);
        let mut room_c = [0; LANES];
        let (mut values, mut bits) = ([0_u64; LANES], 0_u64);
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        let c = c.fetch(wave, &mut room_c, true);
        for lane in 0..LANES {
            let (value, carry) = f(a[lane], b[lane], c[lane]);
            values[lane] = value;
            bits |= u64::from(carry) << lane;
        }
        target.store(wave, &mut values, true);
        wave.set_lane_mask(out, bits & wave.exec());
        Ok(Flow::Next)
    }))
}

fn div_scale<T: Lane>(v: &Vop<'_>, f: fn(Mode, T, T, T) -> (T, bool)) -> Decoded {
    let (target, out) = (v.target::<T>(0)?, v.scalar(1)?);
    let (a, b, c) = (v.source::<T>(2, 0)?, v.source::<T>(3, 1)?, v.source::<T>(4, 2)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([T::default(); LANES], [T::default(); LANES]);
        let mut room_c = [T::default(); LANES];
        let (mut values, mut bits) = ([T::default(); LANES], 0_u64);
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        let c = c.fetch(wave, &mut room_c, true);
        for lane in 0..LANES {
            let (value, scaled) = f(wave.mode, a[lane], b[lane], c[lane]);
            values[lane] = value;
            bits |= u64::from(scaled) << lane;
        }
        target.store(wave, &mut values, true);
        wave.set_lane_mask(out, bits & wave.exec());
        Ok(Flow::Next)
    }))
}

/// A fused multiply-add whose result is scaled in the lanes that VCC names.
fn div_fmas<T: Lane>(v: &Vop<'_>, nearest: fn(T, T, T, bool) -> T, directed: fn(Round, T, T, T, bool) -> T) -> Decoded {
    let target = v.target::<T>(0)?;
    let (a, b, c) = (v.source::<T>(1, 0)?, v.source::<T>(2, 1)?, v.source::<T>(3, 2)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([T::default(); LANES], [T::default(); LANES]);
        let mut room_c = [T::default(); LANES];
        let mut values = [T::default(); LANES];
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        let c = c.fetch(wave, &mut room_c, true);
        let vcc = wave.vcc();
        for lane in 0..LANES {
            let (a, b, c, scaled) = (a[lane], b[lane], c[lane], vcc >> lane & 1 != 0);
            values[lane] =
                rounding::rounded(wave.mode, || nearest(a, b, c, scaled), |round| directed(round, a, b, c, scaled));
        }
        target.store(wave, &mut values, true);
        Ok(Flow::Next)
    }))
}

/// Three floating-point sources and the mode.
fn three<T: Lane>(v: &Vop<'_>, f: impl Fn(Mode, T, T, T) -> T + Send + Sync + 'static) -> Decoded {
    let target = v.target::<T>(0)?;
    let (a, b, c) = (v.source::<T>(1, 0)?, v.source::<T>(2, 1)?, v.source::<T>(3, 2)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([T::default(); LANES], [T::default(); LANES]);
        let mut room_c = [T::default(); LANES];
        let mut values = [T::default(); LANES];
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        let c = c.fetch(wave, &mut room_c, true);
        for lane in 0..LANES {
            values[lane] = f(wave.mode, a[lane], b[lane], c[lane]);
        }
        target.store(wave, &mut values, true);
        Ok(Flow::Next)
    }))
}

fn conditional<T: Lane>(v: &Vop<'_>) -> Decoded {
    let target = v.target::<T>(0)?;
    let (a, b) = (v.source::<T>(1, 0)?, v.source::<T>(2, 1)?);
    // The DPP form does not always write VCC.
    let condition = if v.parsed.args.len() > 3 { v.scalar(3)? } else { super::text::VCC };
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([T::default(); LANES], [T::default(); LANES]);
        let (a, b) = (a.fetch(wave, &mut room_a, false), b.fetch(wave, &mut room_b, false));
        let bits = wave.lane_mask(condition);
        let mut values = [T::default(); LANES];
        for lane in 0..LANES {
            values[lane] = if bits >> lane & 1 != 0 { b[lane] } else { a[lane] };
        }
        target.store(wave, &mut values, false);
        Ok(Flow::Next)
    }))
}

fn swap<T: Lane>(v: &Vop<'_>) -> Decoded {
    let (to_a, to_b) = (v.target::<T>(0)?, v.target::<T>(1)?);
    let (a, b) = (v.source::<T>(0, 0)?, v.source::<T>(1, 0)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([T::default(); LANES], [T::default(); LANES]);
        let (mut a, mut b) = (*a.fetch(wave, &mut room_a, false), *b.fetch(wave, &mut room_b, false));
        to_a.store(wave, &mut b, false);
        to_b.store(wave, &mut a, false);
        Ok(Flow::Next)
    }))
}

/// Operations across lanes, and between scalar and vector registers.
fn lanes(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    Some(match m {
        "v_readfirstlane_b32" => v.scalar(0).and_then(|to| {
            let from = v.source::<u32>(1, 0)?;
            Ok(step(move |wave, _| {
                let mut room = [0; LANES];
                // Without active lanes it reads lane 0.
                let lane = wave.active().next().unwrap_or(0);
                wave.scalar[usize::from(to)] = from.fetch(wave, &mut room, false)[lane];
                Ok(Flow::Next)
            }))
        }),
        "v_readlane_b32" => v.scalar(0).and_then(|to| {
            let (from, lane) = (v.source::<u32>(1, 0)?, v.source::<u32>(2, 1)?);
            Ok(step(move |wave, _| {
                let (mut room, mut room_lane) = ([0; LANES], [0; LANES]);
                let lane = lane.fetch(wave, &mut room_lane, false)[0] as usize % wave.size.lanes();
                wave.scalar[usize::from(to)] = from.fetch(wave, &mut room, false)[lane];
                Ok(Flow::Next)
            }))
        }),
        "v_writelane_b32" => v.vector(0).and_then(|(to, _)| {
            let (from, lane) = (v.source::<u32>(1, 0)?, v.source::<u32>(2, 1)?);
            Ok(step(move |wave, _| {
                let (mut room, mut room_lane) = ([0; LANES], [0; LANES]);
                let lane = lane.fetch(wave, &mut room_lane, false)[0] as usize % wave.size.lanes();
                let value = from.fetch(wave, &mut room, false)[0];
                wave.vector[usize::from(to)][lane] = value;
                Ok(Flow::Next)
            }))
        }),
        "v_mbcnt_lo_u32_b32" | "v_mbcnt_hi_u32_b32" => {
            let high = m == "v_mbcnt_hi_u32_b32";
            v.target::<u32>(0).and_then(|target| {
                let (mask, add) = (v.source::<u32>(1, 0)?, v.source::<u32>(2, 1)?);
                Ok(step(move |wave, _| {
                    let (mut room, mut room_add, mut values) = ([0; LANES], [0; LANES], [0_u32; LANES]);
                    let (mask, add) = (mask.fetch(wave, &mut room, false), add.fetch(wave, &mut room_add, false));
                    for lane in 0..LANES {
                        let below = (1_u64 << lane) - 1;
                        let below = if high { (below >> 32) as u32 } else { below as u32 };
                        values[lane] = (mask[lane] & below).count_ones().wrapping_add(add[lane]);
                    }
                    target.store(wave, &mut values, false);
                    Ok(Flow::Next)
                }))
            })
        }
        "v_permlane16_b32" => permute_rows(v, false),
        "v_permlanex16_b32" => permute_rows(v, true),
        "v_permlane16_var_b32" => permute_rows_by_lane(v, false),
        "v_permlanex16_var_b32" => permute_rows_by_lane(v, true),
        "v_permlane64_b32" => v.vector(0).and_then(|(to, _)| {
            let from = v.source::<u32>(1, 0)?;
            Ok(step(move |wave, _| {
                // A wave of 32 has no other half.
                if wave.size == Size::W64 {
                    let mut room = [0; LANES];
                    let values = *from.fetch(wave, &mut room, false);
                    let exec = wave.exec();
                    write(&mut wave.vector[usize::from(to)], |lane| values[lane ^ 32], exec);
                }
                Ok(Flow::Next)
            }))
        }),
        _ => return None,
    })
}

/// What permutations of rows do where the lane that is read is not active.
#[derive(Clone, Copy)]
struct Inactive {
    fetch: bool,
    zero: bool,
}

impl Inactive {
    /// `op_sel` has these two bits.
    fn of(v: &Vop<'_>) -> Self {
        let bits = v.parsed.bits("op_sel").unwrap_or_default();
        let bit = |index: usize| bits.get(index).copied().unwrap_or(false);
        Self { fetch: bit(0), zero: bit(1) }
    }

    /// Writes each active lane what it reads from `from`.
    fn write(self, wave: &mut Wave, to: u16, values: &[u32; LANES], from: impl Fn(usize) -> usize) {
        let exec = wave.exec();
        for lane in wave.active() {
            let from = from(lane);
            if self.fetch || exec >> from & 1 != 0 {
                wave.vector[usize::from(to)][lane] = values[from];
            } else if self.zero {
                wave.vector[usize::from(to)][lane] = 0;
            }
        }
    }
}

/// The row that a lane's row reads: itself, or the other one of its pair.
fn row(lane: usize, other: bool) -> usize {
    (lane & !15) ^ if other { 16 } else { 0 }
}

/// The lanes of each row of 16 read those that two scalars have four bits each for (*RDNA 3 ISA*, `V_PERMLANE16_B32`).
fn permute_rows(v: &Vop<'_>, other: bool) -> Decoded {
    let ((to, _), from, inactive) = (v.vector(0)?, v.source::<u32>(1, 0)?, Inactive::of(v));
    let (low, high) = (v.source::<u32>(2, 1)?, v.source::<u32>(3, 2)?);
    Ok(Box::new(move |wave, _| {
        let mut room = [0; LANES];
        let select = u64::from(low.fetch(wave, &mut room, false)[0]);
        let select = select | u64::from(high.fetch(wave, &mut room, false)[0]) << 32;
        let values = *from.fetch(wave, &mut room, false);
        inactive.write(wave, to, &values, |lane| row(lane, other) + (select >> (4 * (lane & 15)) & 15) as usize);
        Ok(Flow::Next)
    }))
}

/// The same with a number for each lane.
fn permute_rows_by_lane(v: &Vop<'_>, other: bool) -> Decoded {
    let ((to, _), from, inactive) = (v.vector(0)?, v.source::<u32>(1, 0)?, Inactive::of(v));
    let select = v.source::<u32>(2, 1)?;
    Ok(Box::new(move |wave, _| {
        let (mut room, mut room_select) = ([0; LANES], [0; LANES]);
        let select = *select.fetch(wave, &mut room_select, false);
        let values = *from.fetch(wave, &mut room, false);
        inactive.write(wave, to, &values, |lane| row(lane, other) + (select[lane] & 15) as usize);
        Ok(Flow::Next)
    }))
}

/// Moves between registers whose numbers M0 changes.
fn moved_by_index(v: &Vop<'_>, m: &str) -> Option<Decoded> {
    /// How far M0 moves a number.
    type Distance = fn(u32) -> u16;
    let by_low: Distance = |m0| m0 as u16;
    let (to_by, from_by): (Distance, Distance) = match m {
        "v_movreld_b32" => (by_low, |_| 0),
        "v_movrels_b32" => (|_| 0, by_low),
        "v_movrelsd_b32" => (by_low, by_low),
        // M0 holds both: ten bits for the source, ten from bit 16 on for the result.
        "v_movrelsd_2_b32" => (|m0| (m0 >> 16 & 0x3ff) as u16, |m0| (m0 & 0x3ff) as u16),
        _ => return None,
    };
    let decoded = || {
        let (to, _) = v.vector(0)?;
        let source = v.source::<u32>(1, 0)?;
        let from = v.vector(1).ok().map(|(register, _)| register);
        let last = v.accumulation - 1;
        Ok(step(move |wave, _| {
            let m0 = wave.scalar[usize::from(M0)];
            let mut room = [0; LANES];
            let values = match from {
                Some(from) => wave.vector[usize::from(from.wrapping_add(from_by(m0)).min(last))],
                None => *source.fetch(wave, &mut room, false),
            };
            let (to, exec) = (to.wrapping_add(to_by(m0)).min(last), wave.exec());
            write(&mut wave.vector[usize::from(to)], |lane| values[lane], exec);
            Ok(Flow::Next)
        }))
    };
    Some(decoded())
}
