//! Scalar arithmetic: SOP1, SOP2, SOPC and SOPK (*CDNA 3 ISA*, chapter 5 "Scalar ALU operations").

use super::{
    decode::nothing,
    lane::Lane,
    step::{DecodeError, Flow, Step},
    text::{EXEC, NULL, Operand, Parsed, Special},
    valu::special_value,
};
use crate::machine::wave::{Mode, Wave};

#[derive(Clone, Copy)]
enum Place<T> {
    Constant(T),
    Register(u8),
    Special(Special),
}

/// A source operand, ready to be read.
#[derive(Clone, Copy)]
pub struct Source<T>(Place<T>);

impl<T: Lane> Source<T> {
    /// Its value.
    pub fn get(&self, wave: &Wave) -> T {
        match self.0 {
            Place::Constant(value) => value,
            Place::Register(index) => {
                let index = usize::from(index);
                T::from_words(wave.scalar[index & 255], wave.scalar[(index + 1) & 255])
            }
            Place::Special(special) => {
                let value = special_value(special, wave);
                T::from_words(value as u32, (value >> 32) as u32)
            }
        }
    }
}

/// The source that operand `index` is.
pub fn source<T: Lane>(parsed: &Parsed, index: usize) -> Result<Source<T>, DecodeError> {
    let operand = &parsed.args.get(index).ok_or_else(|| DecodeError::new(parsed, "an operand is missing"))?.operand;
    Ok(Source(match operand {
        Operand::Scalar(first, count) if usize::from(*count) >= T::WORDS => Place::Register(*first),
        Operand::Special(special) => Place::Special(*special),
        Operand::Null => Place::Constant(T::default()),
        operand => Place::Constant(
            T::constant(operand).ok_or_else(|| DecodeError::new(parsed, "an operand is not understood"))?,
        ),
    }))
}

/// The register that the first operand names as the result's place.
pub fn target<T: Lane>(parsed: &Parsed) -> Result<u8, DecodeError> {
    match parsed.args.first().map(|arg| &arg.operand) {
        Some(Operand::Scalar(first, count)) if usize::from(*count) >= T::WORDS => Ok(*first),
        Some(Operand::Null) => Ok(NULL),
        _ => Err(DecodeError::new(parsed, "a scalar register is expected")),
    }
}

/// Writes a result.
pub fn put<T: Lane>(wave: &mut Wave, index: u8, value: T) {
    let (low, high) = value.words();
    let index = usize::from(index);
    wave.scalar[index & 255] = low;
    if T::WORDS == 2 {
        wave.scalar[(index + 1) & 255] = high;
    }
}

type Decoded = Result<Step, DecodeError>;

/// One source. The closure gives the result and, if it sets SCC, SCC.
pub fn un<A: Lane, D: Lane>(p: &Parsed, f: impl Fn(A, bool) -> (D, Option<bool>) + Send + Sync + 'static) -> Decoded {
    let (to, a) = (target::<D>(p)?, source::<A>(p, 1)?);
    Ok(Box::new(move |wave, _| {
        let (value, scc) = f(a.get(wave), wave.scc);
        put(wave, to, value);
        wave.scc = scc.unwrap_or(wave.scc);
        Ok(Flow::Next)
    }))
}

/// Two sources and SCC.
pub fn bin<A: Lane, B: Lane, D: Lane>(
    p: &Parsed,
    f: impl Fn(A, B, bool) -> (D, Option<bool>) + Send + Sync + 'static,
) -> Decoded {
    let (to, a, b) = (target::<D>(p)?, source::<A>(p, 1)?, source::<B>(p, 2)?);
    Ok(Box::new(move |wave, _| {
        let (value, scc) = f(a.get(wave), b.get(wave), wave.scc);
        put(wave, to, value);
        wave.scc = scc.unwrap_or(wave.scc);
        Ok(Flow::Next)
    }))
}

/// A bitwise operation: SCC says whether the result is not zero.
fn bits32(p: &Parsed, f: impl Fn(u32, u32) -> u32 + Send + Sync + 'static) -> Decoded {
    bin(p, move |a: u32, b: u32, _| {
        let d = f(a, b);
        (d, Some(d != 0))
    })
}

fn bits64(p: &Parsed, f: impl Fn(u64, u64) -> u64 + Send + Sync + 'static) -> Decoded {
    bin(p, move |a: u64, b: u64, _| {
        let d = f(a, b);
        (d, Some(d != 0))
    })
}

/// An operation of the first operand, which is the result too, and a 16-bit immediate.
fn immediate(p: &Parsed, f: impl Fn(u32, i32, bool) -> (Option<u32>, Option<bool>) + Send + Sync + 'static) -> Decoded {
    let (to, value) = (target::<u32>(p)?, constant16(p, 1)?);
    Ok(Box::new(move |wave, _| {
        let (result, scc) = f(wave.scalar[usize::from(to)], value, wave.scc);
        if let Some(result) = result {
            put(wave, to, result);
        }
        wave.scc = scc.unwrap_or(wave.scc);
        Ok(Flow::Next)
    }))
}

fn constant16(p: &Parsed, index: usize) -> Result<i32, DecodeError> {
    match p.args.get(index).map(|arg| &arg.operand) {
        Some(Operand::Int(value)) => Ok(i32::from(*value as i16)),
        Some(Operand::Bits(value)) => Ok(i32::from(*value as i16)),
        _ => Err(DecodeError::new(p, "a number is expected")),
    }
}

/// A comparison: SCC is its result.
pub fn cmp<A: Lane, B: Lane>(p: &Parsed, f: impl Fn(A, B) -> bool + Send + Sync + 'static) -> Decoded {
    let (a, b) = (source::<A>(p, 0)?, source::<B>(p, 1)?);
    Ok(Box::new(move |wave, _| {
        wave.scc = f(a.get(wave), b.get(wave));
        Ok(Flow::Next)
    }))
}

/// `s_and_saveexec_b64` and its family, and those of 32 bits: EXEC, or its low half, is saved; SCC says whether any of it
/// is left.
fn save_exec(p: &Parsed, f: fn(u64, u64) -> u64) -> Decoded {
    if p.mnemonic.ends_with("b32") { change_exec::<u32>(p, f, true) } else { change_exec::<u64>(p, f, true) }
}

/// `s_andn1_wrexec_b64` and its like: the new EXEC is the result too.
fn write_exec(p: &Parsed, f: fn(u64, u64) -> u64) -> Decoded {
    if p.mnemonic.ends_with("b32") { change_exec::<u32>(p, f, false) } else { change_exec::<u64>(p, f, false) }
}

fn change_exec<T: Lane + Into<u64>>(p: &Parsed, f: fn(u64, u64) -> u64, saves: bool) -> Decoded {
    let (to, a) = (target::<T>(p)?, source::<T>(p, 1)?);
    let of = |value: u64| T::from_words(value as u32, (value >> 32) as u32);
    Ok(Box::new(move |wave, _| {
        let old: u64 = of(wave.scalar_u64(EXEC)).into();
        let exec = of(f(a.get(wave).into(), old));
        put(wave, to, if saves { of(old) } else { exec });
        put(wave, EXEC, exec);
        wave.scc = exec.into() != 0;
        Ok(Flow::Next)
    }))
}

/// Extracts `width` bits at `offset`, as `s_bfe` has them in its second source.
fn field(control: u32) -> (u32, u32) {
    (control & 0x7f, control >> 16 & 0x7f)
}

/// The step of a scalar arithmetic instruction; `None` if it is none.
pub fn lookup(p: &Parsed) -> Option<Decoded> {
    Some(match p.mnemonic.as_str() {
        "s_mov_b32" => un(p, |a: u32, _| (a, None)),
        "s_mov_b64" => un(p, |a: u64, _| (a, None)),
        "s_movk_i32" => immediate(p, |_, k, _| (Some(k as u32), None)),
        "s_cmov_b64" => conditional_move::<u64>(p),
        "s_cmov_b32" => conditional_move::<u32>(p),
        "s_cmovk_i32" => immediate(p, |_, k, scc| (scc.then_some(k as u32), None)),
        "s_not_b32" => un(p, |a: u32, _| (!a, Some(!a != 0))),
        "s_not_b64" => un(p, |a: u64, _| (!a, Some(!a != 0))),
        "s_wqm_b32" => un(p, |a: u32, _| {
            let quads = (a | a >> 1 | a >> 2 | a >> 3) & 0x1111_1111;
            (quads * 15, Some(quads != 0))
        }),
        "s_wqm_b64" => un(p, |a: u64, _| {
            let quads = (a | a >> 1 | a >> 2 | a >> 3) & 0x1111_1111_1111_1111;
            (quads * 15, Some(quads != 0))
        }),
        "s_brev_b32" => un(p, |a: u32, _| (a.reverse_bits(), None)),
        "s_brev_b64" => un(p, |a: u64, _| (a.reverse_bits(), None)),
        "s_bcnt0_i32_b32" => un(p, |a: u32, _| (a.count_zeros(), Some(a.count_zeros() != 0))),
        "s_bcnt0_i32_b64" => un(p, |a: u64, _| (a.count_zeros(), Some(a.count_zeros() != 0))),
        "s_bcnt1_i32_b32" => un(p, |a: u32, _| (a.count_ones(), Some(a != 0))),
        "s_bcnt1_i32_b64" => un(p, |a: u64, _| (a.count_ones(), Some(a != 0))),
        "s_ff0_i32_b32" => un(p, |a: u32, _| (if a == u32::MAX { u32::MAX } else { a.trailing_ones() }, None)),
        "s_ff0_i32_b64" => un(p, |a: u64, _| (if a == u64::MAX { u32::MAX } else { a.trailing_ones() }, None)),
        "s_ff1_i32_b32" => un(p, |a: u32, _| (if a == 0 { u32::MAX } else { a.trailing_zeros() }, None)),
        "s_ff1_i32_b64" => un(p, |a: u64, _| (if a == 0 { u32::MAX } else { a.trailing_zeros() }, None)),
        "s_flbit_i32_b32" => un(p, |a: u32, _| (if a == 0 { u32::MAX } else { a.leading_zeros() }, None)),
        "s_flbit_i32_b64" => un(p, |a: u64, _| (if a == 0 { u32::MAX } else { a.leading_zeros() }, None)),
        "s_flbit_i32" => un(p, |a: i32, _| {
            let n = if a < 0 { a.leading_ones() } else { a.leading_zeros() };
            (if n == 32 { u32::MAX } else { n }, None)
        }),
        "s_flbit_i32_i64" => un(p, |a: i64, _| {
            let n = if a < 0 { a.leading_ones() } else { a.leading_zeros() };
            (if n == 64 { u32::MAX } else { n }, None)
        }),
        "s_sext_i32_i8" => un(p, |a: u32, _| (i32::from(a as i8), None)),
        "s_sext_i32_i16" => un(p, |a: u32, _| (i32::from(a as i16), None)),
        "s_bitset0_b32" => change_bit::<u32>(p, false),
        "s_bitset1_b32" => change_bit::<u32>(p, true),
        "s_bitset0_b64" => change_bit::<u64>(p, false),
        "s_bitset1_b64" => change_bit::<u64>(p, true),
        "s_abs_i32" => un(p, |a: i32, _| (a.wrapping_abs(), Some(a != 0))),
        "s_quadmask_b32" => un(p, |a: u32, _| {
            let d = (0..8).filter(|i| a >> (4 * i) & 15 != 0).fold(0_u32, |d, i| d | 1 << i);
            (d, Some(d != 0))
        }),
        "s_quadmask_b64" => un(p, |a: u64, _| {
            let d = (0..16).filter(|i| a >> (4 * i) & 15 != 0).fold(0_u64, |d, i| d | 1 << i);
            (d, Some(d != 0))
        }),
        "s_bitreplicate_b64_b32" => {
            un(p, |a: u32, _| ((0..32).fold(0_u64, |d, i| d | (u64::from(a >> i & 1) * 3) << (2 * i)), None))
        }
        "s_and_saveexec_b64" | "s_and_saveexec_b32" => save_exec(p, |a, exec| a & exec),
        "s_or_saveexec_b64" | "s_or_saveexec_b32" => save_exec(p, |a, exec| a | exec),
        "s_xor_saveexec_b64" | "s_xor_saveexec_b32" => save_exec(p, |a, exec| a ^ exec),
        "s_andn2_saveexec_b64" | "s_andn2_saveexec_b32" => save_exec(p, |a, exec| a & !exec),
        "s_orn2_saveexec_b64" | "s_orn2_saveexec_b32" => save_exec(p, |a, exec| a | !exec),
        "s_nand_saveexec_b64" | "s_nand_saveexec_b32" => save_exec(p, |a, exec| !(a & exec)),
        "s_nor_saveexec_b64" | "s_nor_saveexec_b32" => save_exec(p, |a, exec| !(a | exec)),
        "s_xnor_saveexec_b64" | "s_xnor_saveexec_b32" => save_exec(p, |a, exec| !(a ^ exec)),
        "s_andn1_saveexec_b64" | "s_andn1_saveexec_b32" => save_exec(p, |a, exec| !a & exec),
        "s_orn1_saveexec_b64" | "s_orn1_saveexec_b32" => save_exec(p, |a, exec| !a | exec),
        "s_andn1_wrexec_b64" | "s_andn1_wrexec_b32" => write_exec(p, |a, exec| !a & exec),
        "s_andn2_wrexec_b64" | "s_andn2_wrexec_b32" => write_exec(p, |a, exec| a & !exec),

        "s_add_u32" => bin(p, |a: u32, b: u32, _| {
            let (d, carry) = a.overflowing_add(b);
            (d, Some(carry))
        }),
        "s_sub_u32" => bin(p, |a: u32, b: u32, _| {
            let (d, borrow) = a.overflowing_sub(b);
            (d, Some(borrow))
        }),
        "s_add_i32" => bin(p, |a: i32, b: i32, _| {
            let (d, overflow) = a.overflowing_add(b);
            (d, Some(overflow))
        }),
        "s_sub_i32" => bin(p, |a: i32, b: i32, _| {
            let (d, overflow) = a.overflowing_sub(b);
            (d, Some(overflow))
        }),
        "s_addc_u32" => bin(p, |a: u32, b: u32, scc| {
            let sum = u64::from(a) + u64::from(b) + u64::from(scc);
            (sum as u32, Some(sum >> 32 != 0))
        }),
        "s_subb_u32" => bin(p, |a: u32, b: u32, scc| {
            let subtrahend = u64::from(b) + u64::from(scc);
            (a.wrapping_sub(subtrahend as u32), Some(subtrahend > u64::from(a)))
        }),
        "s_addk_i32" => immediate(p, |a, k, _| {
            let (d, overflow) = (a as i32).overflowing_add(k);
            (Some(d as u32), Some(overflow))
        }),
        "s_mulk_i32" => immediate(p, |a, k, _| (Some(a.wrapping_mul(k as u32)), None)),
        // SCC says that the first source was chosen.
        "s_min_i32" => bin(p, |a: i32, b: i32, _| (a.min(b), Some(a < b))),
        "s_min_u32" => bin(p, |a: u32, b: u32, _| (a.min(b), Some(a < b))),
        "s_max_i32" => bin(p, |a: i32, b: i32, _| (a.max(b), Some(a >= b))),
        "s_max_u32" => bin(p, |a: u32, b: u32, _| (a.max(b), Some(a >= b))),
        "s_cselect_b32" => bin(p, |a: u32, b: u32, scc| (if scc { a } else { b }, None)),
        "s_cselect_b64" => bin(p, |a: u64, b: u64, scc| (if scc { a } else { b }, None)),
        "s_and_b32" => bits32(p, |a, b| a & b),
        "s_and_b64" => bits64(p, |a, b| a & b),
        "s_or_b32" => bits32(p, |a, b| a | b),
        "s_or_b64" => bits64(p, |a, b| a | b),
        "s_xor_b32" => bits32(p, |a, b| a ^ b),
        "s_xor_b64" => bits64(p, |a, b| a ^ b),
        "s_andn2_b32" => bits32(p, |a, b| a & !b),
        "s_andn2_b64" => bits64(p, |a, b| a & !b),
        "s_orn2_b32" => bits32(p, |a, b| a | !b),
        "s_orn2_b64" => bits64(p, |a, b| a | !b),
        "s_nand_b32" => bits32(p, |a, b| !(a & b)),
        "s_nand_b64" => bits64(p, |a, b| !(a & b)),
        "s_nor_b32" => bits32(p, |a, b| !(a | b)),
        "s_nor_b64" => bits64(p, |a, b| !(a | b)),
        "s_xnor_b32" => bits32(p, |a, b| !(a ^ b)),
        "s_xnor_b64" => bits64(p, |a, b| !(a ^ b)),
        "s_lshl_b32" => bits32(p, |a, b| a << (b & 31)),
        "s_lshr_b32" => bits32(p, |a, b| a >> (b & 31)),
        "s_ashr_i32" => bits32(p, |a, b| (a as i32 >> (b & 31)) as u32),
        "s_lshl_b64" => bin(p, |a: u64, b: u32, _| (a << (b & 63), Some(a << (b & 63) != 0))),
        "s_lshr_b64" => bin(p, |a: u64, b: u32, _| (a >> (b & 63), Some(a >> (b & 63) != 0))),
        "s_ashr_i64" => bin(p, |a: i64, b: u32, _| (a >> (b & 63), Some(a >> (b & 63) != 0))),
        "s_bfm_b32" => bin(p, |a: u32, b: u32, _| (((1_u32 << (a & 31)) - 1) << (b & 31), None)),
        "s_bfm_b64" => bin(p, |a: u32, b: u32, _| (((1_u64 << (a & 63)) - 1) << (b & 63), None)),
        "s_mul_i32" => bin(p, |a: u32, b: u32, _| (a.wrapping_mul(b), None)),
        "s_mul_u64" => bin(p, |a: u64, b: u64, _| (a.wrapping_mul(b), None)),
        "s_add_nc_u64" => bin(p, |a: u64, b: u64, _| (a.wrapping_add(b), None)),
        "s_sub_nc_u64" => bin(p, |a: u64, b: u64, _| (a.wrapping_sub(b), None)),
        "s_mul_hi_u32" => bin(p, |a: u32, b: u32, _| (((u64::from(a) * u64::from(b)) >> 32) as u32, None)),
        "s_mul_hi_i32" => bin(p, |a: i32, b: i32, _| (((i64::from(a) * i64::from(b)) >> 32) as u32, None)),
        "s_bfe_u32" => bits32(p, |a, control| {
            let (at, width) = (control & 31, field(control).1);
            let shifted = a >> at;
            if width >= 32 { shifted } else { shifted & ((1 << width) - 1) }
        }),
        "s_bfe_i32" => bits32(p, |a, control| {
            let (at, width) = (control & 31, field(control).1);
            let shifted = a as i32 >> at;
            let unused = 32_u32.saturating_sub(width);
            if width == 0 { 0 } else { (shifted << unused >> unused) as u32 }
        }),
        "s_bfe_u64" => bin(p, |a: u64, control: u32, _| {
            let (at, width) = (control & 63, field(control).1);
            let shifted = a >> at;
            let d = if width >= 64 { shifted } else { shifted & ((1 << width) - 1) };
            (d, Some(d != 0))
        }),
        "s_bfe_i64" => bin(p, |a: i64, control: u32, _| {
            let (at, width) = (control & 63, field(control).1);
            let unused = 64_u32.saturating_sub(width);
            let d = if width == 0 { 0 } else { a >> at << unused >> unused };
            (d, Some(d != 0))
        }),
        "s_absdiff_i32" => bin(p, |a: i32, b: i32, _| {
            let d = a.wrapping_sub(b).wrapping_abs();
            (d, Some(d != 0))
        }),
        "s_lshl1_add_u32" => shift_add(p, 1),
        "s_lshl2_add_u32" => shift_add(p, 2),
        "s_lshl3_add_u32" => shift_add(p, 3),
        "s_lshl4_add_u32" => shift_add(p, 4),
        "s_pack_ll_b32_b16" => bin(p, |a: u32, b: u32, _| (a & 0xffff | b << 16, None)),
        "s_pack_lh_b32_b16" => bin(p, |a: u32, b: u32, _| (a & 0xffff | b & 0xffff_0000, None)),
        "s_pack_hh_b32_b16" => bin(p, |a: u32, b: u32, _| (a >> 16 | b & 0xffff_0000, None)),

        "s_pack_hl_b32_b16" => bin(p, |a: u32, b: u32, _| (a >> 16 | b << 16, None)),

        "s_cmp_eq_i32" | "s_cmp_eq_u32" => cmp(p, |a: u32, b: u32| a == b),
        "s_cmp_lg_i32" | "s_cmp_lg_u32" => cmp(p, |a: u32, b: u32| a != b),
        "s_cmp_gt_i32" => cmp(p, |a: i32, b: i32| a > b),
        "s_cmp_ge_i32" => cmp(p, |a: i32, b: i32| a >= b),
        "s_cmp_lt_i32" => cmp(p, |a: i32, b: i32| a < b),
        "s_cmp_le_i32" => cmp(p, |a: i32, b: i32| a <= b),
        "s_cmp_gt_u32" => cmp(p, |a: u32, b: u32| a > b),
        "s_cmp_ge_u32" => cmp(p, |a: u32, b: u32| a >= b),
        "s_cmp_lt_u32" => cmp(p, |a: u32, b: u32| a < b),
        "s_cmp_le_u32" => cmp(p, |a: u32, b: u32| a <= b),
        "s_cmp_eq_u64" => cmp(p, |a: u64, b: u64| a == b),
        "s_cmp_lg_u64" => cmp(p, |a: u64, b: u64| a != b),
        "s_bitcmp0_b32" => cmp(p, |a: u32, b: u32| a >> (b & 31) & 1 == 0),
        "s_bitcmp1_b32" => cmp(p, |a: u32, b: u32| a >> (b & 31) & 1 == 1),
        "s_bitcmp0_b64" => cmp(p, |a: u64, b: u32| a >> (b & 63) & 1 == 0),
        "s_bitcmp1_b64" => cmp(p, |a: u64, b: u32| a >> (b & 63) & 1 == 1),
        "s_cmpk_eq_i32" => immediate(p, |a, k, _| (None, Some(a as i32 == k))),
        "s_cmpk_lg_i32" => immediate(p, |a, k, _| (None, Some(a as i32 != k))),
        "s_cmpk_gt_i32" => immediate(p, |a, k, _| (None, Some(a as i32 > k))),
        "s_cmpk_ge_i32" => immediate(p, |a, k, _| (None, Some(a as i32 >= k))),
        "s_cmpk_lt_i32" => immediate(p, |a, k, _| (None, Some((a as i32) < k))),
        "s_cmpk_le_i32" => immediate(p, |a, k, _| (None, Some(a as i32 <= k))),
        "s_cmpk_eq_u32" => immediate(p, |a, k, _| (None, Some(a == k as u32 & 0xffff))),
        "s_cmpk_lg_u32" => immediate(p, |a, k, _| (None, Some(a != k as u32 & 0xffff))),
        "s_cmpk_gt_u32" => immediate(p, |a, k, _| (None, Some(a > k as u32 & 0xffff))),
        "s_cmpk_ge_u32" => immediate(p, |a, k, _| (None, Some(a >= k as u32 & 0xffff))),
        "s_cmpk_lt_u32" => immediate(p, |a, k, _| (None, Some(a < k as u32 & 0xffff))),
        "s_cmpk_le_u32" => immediate(p, |a, k, _| (None, Some(a <= k as u32 & 0xffff))),
        "s_movrels_b32" => move_relative(p, true, false),
        "s_movrels_b64" => move_relative(p, true, true),
        "s_movreld_b32" => move_relative(p, false, false),
        "s_movreld_b64" => move_relative(p, false, true),
        "s_movrelsd_2_b32" => move_relative_both(p),
        "s_version" => Ok(nothing()),
        "s_denorm_mode" => set_mode_field(p, 4),
        "s_round_mode" => set_mode_field(p, 0),
        "s_getreg_b32" => get_register(p),
        "s_setreg_b32" | "s_setreg_imm32_b32" => set_register(p),
        _ => return None,
    })
}

fn conditional_move<T: Lane>(p: &Parsed) -> Decoded {
    let (to, a) = (target::<T>(p)?, source::<T>(p, 1)?);
    Ok(Box::new(move |wave, _| {
        if wave.scc {
            put(wave, to, a.get(wave));
        }
        Ok(Flow::Next)
    }))
}

fn change_bit<T: Lane>(p: &Parsed, set: bool) -> Decoded {
    let (to, a) = (target::<T>(p)?, source::<u32>(p, 1)?);
    Ok(Box::new(move |wave, _| {
        let bit = 1_u64 << (a.get(wave) & (T::BITS - 1));
        let old = wave.scalar_u64(to);
        let new = if set { old | bit } else { old & !bit };
        put(wave, to, T::from_words(new as u32, (new >> 32) as u32));
        Ok(Flow::Next)
    }))
}

fn shift_add(p: &Parsed, by: u32) -> Decoded {
    bin(p, move |a: u32, b: u32, _| {
        let sum = (u64::from(a) << by) + u64::from(b);
        (sum as u32, Some(sum >> 32 != 0))
    })
}

fn move_relative(p: &Parsed, from: bool, pair: bool) -> Decoded {
    let to = if pair { target::<u64>(p)? } else { target::<u32>(p)? };
    let a = match p.args.get(1).map(|arg| &arg.operand) {
        Some(Operand::Scalar(first, _)) => Source::<u64>(Place::Register(*first)),
        _ => source::<u64>(p, 1)?,
    };
    Ok(Box::new(move |wave, _| {
        let by = wave.scalar[usize::from(super::text::M0)] as u8;
        let (mut to, mut a) = (to, a);
        match (&mut a.0, from) {
            (Place::Register(index), true) => *index = index.wrapping_add(by),
            _ => to = to.wrapping_add(by),
        }
        let value = a.get(wave);
        if pair {
            put(wave, to, value)
        } else {
            put(wave, to, value as u32)
        }
        Ok(Flow::Next)
    }))
}

/// Source and result move by two parts of M0.
fn move_relative_both(p: &Parsed) -> Decoded {
    let to = target::<u32>(p)?;
    let Some(Operand::Scalar(from, _)) = p.args.get(1).map(|arg| arg.operand.clone()) else {
        return Err(DecodeError::new(p, "a scalar register is expected"));
    };
    Ok(Box::new(move |wave, _| {
        let by = wave.scalar[usize::from(super::text::M0)];
        let value = wave.scalar[usize::from(from.wrapping_add(by as u8))];
        put(wave, to.wrapping_add((by >> 16) as u8), value);
        Ok(Flow::Next)
    }))
}

/// Sets four bits of MODE at `offset` to an immediate.
fn set_mode_field(p: &Parsed, offset: u32) -> Decoded {
    let value = constant16(p, 0)? as u32 & 15;
    Ok(Box::new(move |wave, _| {
        wave.mode = Mode(wave.mode.0 & !(15 << offset) | value << offset);
        Ok(Flow::Next)
    }))
}

/// The hardware registers that programs read or write (*CDNA 3 ISA*, section 5.8 "Hardware registers").
#[derive(Clone, Copy)]
enum Hardware {
    Mode,
    Status,
    /// Which wave of the machine it is, and what it has: the same for all here.
    Identity,
    CyclesLow,
    CyclesHigh,
    /// Where scratch begins. The simulator's scratch needs no such address: it can be written and is 0.
    FlatScratch,
}

fn hardware(p: &Parsed, index: usize) -> Result<(Hardware, u32, u32), DecodeError> {
    match p.args.get(index).map(|arg| &arg.operand) {
        Some(Operand::Hwreg(name, offset, width)) if *width >= 1 && offset + width <= 32 => {
            let register = match name.as_str() {
                "HW_REG_MODE" | "HW_REG_WAVE_MODE" => Hardware::Mode,
                "HW_REG_STATUS" | "HW_REG_WAVE_STATUS" => Hardware::Status,
                "HW_REG_SHADER_CYCLES" | "HW_REG_SHADER_CYCLES_LO" => Hardware::CyclesLow,
                "HW_REG_SHADER_CYCLES_HI" => Hardware::CyclesHigh,
                "HW_REG_FLAT_SCR_LO" | "HW_REG_FLAT_SCR_HI" => Hardware::FlatScratch,
                "HW_REG_HW_ID"
                | "HW_REG_HW_ID1"
                | "HW_REG_HW_ID2"
                | "HW_REG_WAVE_HW_ID1"
                | "HW_REG_WAVE_HW_ID2"
                | "HW_REG_XCC_ID"
                | "HW_REG_GPR_ALLOC"
                | "HW_REG_WAVE_GPR_ALLOC"
                | "HW_REG_LDS_ALLOC"
                | "HW_REG_WAVE_LDS_ALLOC" => Hardware::Identity,
                _ => return Err(DecodeError::new(p, "no semantics for this hardware register")),
            };
            Ok((register, *offset, *width))
        }
        _ => Err(DecodeError::new(p, "a hardware register is expected")),
    }
}

fn get_register(p: &Parsed) -> Decoded {
    let (to, (register, offset, width)) = (target::<u32>(p)?, hardware(p, 1)?);
    Ok(Box::new(move |wave, env| {
        let cycles = || env.started.elapsed().as_nanos() as u64;
        let value = match register {
            Hardware::CyclesLow => cycles() as u32,
            Hardware::CyclesHigh => (cycles() >> 32) as u32,
            Hardware::Mode => wave.mode.0,
            Hardware::Status => {
                u32::from(wave.scc) | u32::from(wave.exec() == 0) << 9 | u32::from(wave.vcc() == 0) << 10
            }
            Hardware::Identity | Hardware::FlatScratch => 0,
        };
        put(wave, to, (u64::from(value) >> offset & ((1 << width) - 1)) as u32);
        Ok(Flow::Next)
    }))
}

fn set_register(p: &Parsed) -> Decoded {
    let ((register, offset, width), a) = (hardware(p, 0)?, source::<u32>(p, 1)?);
    if matches!(register, Hardware::FlatScratch) {
        return Ok(nothing());
    }
    if !matches!(register, Hardware::Mode) {
        return Err(DecodeError::new(p, "writing this hardware register has no semantics"));
    }
    Ok(Box::new(move |wave, _| {
        let mask = (((1_u64 << width) - 1) << offset) as u32;
        wave.mode = Mode(wave.mode.0 & !mask | a.get(wave) << offset & mask);
        Ok(Flow::Next)
    }))
}
