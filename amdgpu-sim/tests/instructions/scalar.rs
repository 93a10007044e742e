//! Scalar instructions on integers and masks. The chapters "SOP1", "SOP2", "SOPC" and "SOPK" of the guides.

use super::{
    case::{Case, SCALAR_DESTINATION},
    enumerate::Form,
    inputs::{Bank, FULL, MASKS, Random, literal},
    operand::{
        Source,
        Type::{self, B32, B64, I64},
        scalar_text,
    },
    target::Target,
    wave::Wave,
};

/// What a scalar instruction sees and changes beside its operands and its result.
pub struct State {
    /// SCC.
    pub scc: bool,
    /// EXEC.
    pub exec: u64,
    /// What the destination holds before.
    pub old: u64,
}

/// What a scalar instruction computes. Without a destination, the result is SCC.
pub type Operation = fn(&mut State, [u64; 2]) -> u64;

/// One instruction of the table.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its names in the generations.
    pub names: &'static [&'static str],
    /// What it writes; nothing but SCC if there is nothing.
    pub to: Option<Type>,
    /// What it reads.
    pub from: &'static [Type],
    /// Whether it has 16 bits as its last source, with a sign or without.
    pub immediate: Option<bool>,
    /// What it computes.
    pub operation: Operation,
}

const fn row(names: &'static [&'static str], to: Type, from: &'static [Type], operation: Operation) -> Row {
    Row { names, to: Some(to), from, immediate: None, operation }
}

const fn compare(names: &'static [&'static str], from: &'static [Type], operation: Operation) -> Row {
    Row { names, to: None, from, immediate: None, operation }
}

/// An instruction with 16 bits that have a sign.
const fn immediate(names: &'static [&'static str], to: Option<Type>, from: &'static [Type], f: Operation) -> Row {
    Row { names, to, from, immediate: Some(true), operation: f }
}

/// An instruction with 16 bits that have none.
const fn immediate_unsigned(names: &'static [&'static str], from: &'static [Type], operation: Operation) -> Row {
    Row { names, to: None, from, immediate: Some(false), operation }
}

fn s(value: u64) -> i64 {
    i64::from(value as u32 as i32)
}

fn word(value: i64) -> u64 {
    u64::from(value as u32)
}

/// SCC says that the result is not zero.
fn nonzero(state: &mut State, value: u64) -> u64 {
    state.scc = value != 0;
    value
}

/// SCC is the carry of a sum, or the borrow of a difference.
fn carry(state: &mut State, value: i128) -> u64 {
    state.scc = !(0..1_i128 << 32).contains(&value);
    value as u32 as u64
}

/// SCC says that the result does not fit.
fn overflow(state: &mut State, value: i64) -> u64 {
    state.scc = i32::try_from(value).is_err();
    word(value)
}

fn pick(state: &mut State, first: bool, [a, b]: [u64; 2]) -> u64 {
    state.scc = first;
    if first { a } else { b }
}

fn field(value: u64, control: u64, bits: u32, signed: bool) -> u64 {
    let offset = control & u64::from(bits - 1);
    let width = ((control >> 16 & 0x7f) as u32).min(bits);
    if width == 0 {
        return 0;
    }
    // Above the register there are zeros, or copies of its sign.
    let extended = if signed && bits == 32 {
        i128::from(s(value))
    } else if signed {
        i128::from(value as i64)
    } else {
        i128::from(value)
    };
    let shifted = extended >> offset;
    let cut = if signed { shifted << (128 - width) >> (128 - width) } else { shifted & ((1_i128 << width) - 1) };
    if bits == 32 { cut as u32 as u64 } else { cut as u64 }
}

fn quads(value: u64, each: fn(u32) -> u64, width: u32) -> u64 {
    (0..16).fold(0, |result, quad| {
        let any = value >> (4 * quad) & 15 != 0;
        result | if any { each(quad) << (width * quad) } else { 0 }
    })
}

/// The old EXEC is the result; SCC says that the new one is not zero.
fn save(state: &mut State, exec: u64) -> u64 {
    let old = std::mem::replace(&mut state.exec, exec);
    state.scc = state.exec != 0;
    old
}

/// The same with the low half of EXEC alone.
fn save32(state: &mut State, exec: u64) -> u64 {
    let old = state.exec & LOW;
    write32(state, exec);
    old
}

/// The new low half of EXEC is the result.
fn write32(state: &mut State, exec: u64) -> u64 {
    state.exec = state.exec & !LOW | exec & LOW;
    nonzero(state, exec & LOW)
}

/// The new EXEC is the result.
fn write(state: &mut State, exec: u64) -> u64 {
    state.exec = exec;
    nonzero(state, exec)
}

fn leading_sign(value: u64, bits: u32) -> u64 {
    let value = (value << (64 - bits)) as i64;
    let run = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    if run >= bits || value == 0 { 0xffff_ffff } else { u64::from(run) }
}

fn first(position: u32, bits: u32) -> u64 {
    if position >= bits { 0xffff_ffff } else { u64::from(position) }
}

const LOW: u64 = 0xffff_ffff;

/// The table.
pub static TABLE: &[Row] = &[
    row(&["s_add_u32", "s_add_co_u32"], B32, &[B32, B32], |t, [a, b]| carry(t, i128::from(a) + i128::from(b))),
    row(&["s_sub_u32", "s_sub_co_u32"], B32, &[B32, B32], |t, [a, b]| carry(t, i128::from(a) - i128::from(b))),
    row(&["s_addc_u32", "s_add_co_ci_u32"], B32, &[B32, B32], |t, [a, b]| {
        let c = i128::from(t.scc);
        carry(t, i128::from(a) + i128::from(b) + c)
    }),
    row(&["s_subb_u32", "s_sub_co_ci_u32"], B32, &[B32, B32], |t, [a, b]| {
        let c = i128::from(t.scc);
        carry(t, i128::from(a) - i128::from(b) - c)
    }),
    row(&["s_add_i32", "s_add_co_i32"], B32, &[B32, B32], |t, [a, b]| overflow(t, s(a) + s(b))),
    row(&["s_sub_i32", "s_sub_co_i32"], B32, &[B32, B32], |t, [a, b]| overflow(t, s(a) - s(b))),
    row(&["s_add_u64", "s_add_nc_u64"], B64, &[B64, B64], |_, [a, b]| a.wrapping_add(b)),
    row(&["s_sub_u64", "s_sub_nc_u64"], B64, &[B64, B64], |_, [a, b]| a.wrapping_sub(b)),
    row(&["s_min_i32"], B32, &[B32, B32], |t, x| pick(t, s(x[0]) < s(x[1]), x)),
    row(&["s_min_u32"], B32, &[B32, B32], |t, x| pick(t, x[0] < x[1], x)),
    row(&["s_max_i32"], B32, &[B32, B32], |t, x| pick(t, s(x[0]) >= s(x[1]), x)),
    row(&["s_max_u32"], B32, &[B32, B32], |t, x| pick(t, x[0] >= x[1], x)),
    row(&["s_cselect_b32"], B32, &[B32, B32], |t, [a, b]| if t.scc { a } else { b }),
    row(&["s_cselect_b64"], B64, &[B64, B64], |t, [a, b]| if t.scc { a } else { b }),
    row(&["s_and_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, a & b)),
    row(&["s_and_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, a & b)),
    row(&["s_or_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, a | b)),
    row(&["s_or_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, a | b)),
    row(&["s_xor_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, a ^ b)),
    row(&["s_xor_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, a ^ b)),
    row(&["s_andn2_b32", "s_and_not1_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, a & !b)),
    row(&["s_andn2_b64", "s_and_not1_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, a & !b)),
    row(&["s_orn2_b32", "s_or_not1_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, (a | !b) & LOW)),
    row(&["s_orn2_b64", "s_or_not1_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, a | !b)),
    row(&["s_nand_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, !(a & b) & LOW)),
    row(&["s_nand_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, !(a & b))),
    row(&["s_nor_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, !(a | b) & LOW)),
    row(&["s_nor_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, !(a | b))),
    row(&["s_xnor_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, !(a ^ b) & LOW)),
    row(&["s_xnor_b64"], B64, &[B64, B64], |t, [a, b]| nonzero(t, !(a ^ b))),
    row(&["s_lshl_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, a << (b & 31) & LOW)),
    row(&["s_lshl_b64"], B64, &[B64, B32], |t, [a, b]| nonzero(t, a << (b & 63))),
    row(&["s_lshr_b32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, a >> (b & 31))),
    row(&["s_lshr_b64"], B64, &[B64, B32], |t, [a, b]| nonzero(t, a >> (b & 63))),
    row(&["s_ashr_i32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, word(s(a) >> (b & 31)))),
    row(&["s_ashr_i64"], B64, &[I64, B32], |t, [a, b]| nonzero(t, (a as i64 >> (b & 63)) as u64)),
    row(&["s_bfm_b32"], B32, &[B32, B32], |_, [a, b]| ((1 << (a & 31)) - 1) << (b & 31) & LOW),
    row(&["s_bfm_b64"], B64, &[B32, B32], |_, [a, b]| ((1_u64 << (a & 63)) - 1) << (b & 63)),
    row(&["s_mul_i32"], B32, &[B32, B32], |_, [a, b]| word(s(a).wrapping_mul(s(b)))),
    row(&["s_mul_u64"], B64, &[B64, B64], |_, [a, b]| a.wrapping_mul(b)),
    row(&["s_mul_hi_u32"], B32, &[B32, B32], |_, [a, b]| (a * b) >> 32),
    row(&["s_mul_hi_i32"], B32, &[B32, B32], |_, [a, b]| word((s(a) * s(b)) >> 32)),
    row(&["s_bfe_u32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, field(a, b, 32, false))),
    row(&["s_bfe_i32"], B32, &[B32, B32], |t, [a, b]| nonzero(t, field(a, b, 32, true))),
    row(&["s_bfe_u64"], B64, &[B64, B32], |t, [a, b]| nonzero(t, field(a, b, 64, false))),
    row(&["s_bfe_i64"], B64, &[I64, B32], |t, [a, b]| nonzero(t, field(a, b, 64, true))),
    row(&["s_absdiff_i32"], B32, &[B32, B32], |t, [a, b]| {
        // The difference is one of 32 bits before its sign goes.
        let difference = (a as i32).wrapping_sub(b as i32).wrapping_abs();
        nonzero(t, u64::from(difference as u32))
    }),
    row(&["s_lshl1_add_u32"], B32, &[B32, B32], |t, [a, b]| carry(t, (i128::from(a) << 1) + i128::from(b))),
    row(&["s_lshl2_add_u32"], B32, &[B32, B32], |t, [a, b]| carry(t, (i128::from(a) << 2) + i128::from(b))),
    row(&["s_lshl3_add_u32"], B32, &[B32, B32], |t, [a, b]| carry(t, (i128::from(a) << 3) + i128::from(b))),
    row(&["s_lshl4_add_u32"], B32, &[B32, B32], |t, [a, b]| carry(t, (i128::from(a) << 4) + i128::from(b))),
    row(&["s_pack_ll_b32_b16"], B32, &[B32, B32], |_, [a, b]| a & 0xffff | b << 16 & LOW),
    row(&["s_pack_lh_b32_b16"], B32, &[B32, B32], |_, [a, b]| a & 0xffff | b & 0xffff_0000),
    row(&["s_pack_hh_b32_b16"], B32, &[B32, B32], |_, [a, b]| a >> 16 | b & 0xffff_0000),
    row(&["s_pack_hl_b32_b16"], B32, &[B32, B32], |_, [a, b]| a >> 16 | b << 16 & LOW),
    row(&["s_mov_b32"], B32, &[B32], |_, [a, _]| a),
    row(&["s_mov_b64"], B64, &[B64], |_, [a, _]| a),
    row(&["s_cmov_b32"], B32, &[B32], |t, [a, _]| if t.scc { a } else { t.old }),
    row(&["s_cmov_b64"], B64, &[B64], |t, [a, _]| if t.scc { a } else { t.old }),
    row(&["s_not_b32"], B32, &[B32], |t, [a, _]| nonzero(t, !a & LOW)),
    row(&["s_not_b64"], B64, &[B64], |t, [a, _]| nonzero(t, !a)),
    row(&["s_wqm_b32"], B32, &[B32], |t, [a, _]| nonzero(t, quads(a, |_| 15, 4))),
    row(&["s_wqm_b64"], B64, &[B64], |t, [a, _]| nonzero(t, quads(a, |_| 15, 4))),
    row(&["s_quadmask_b32"], B32, &[B32], |t, [a, _]| nonzero(t, quads(a, |_| 1, 1))),
    row(&["s_quadmask_b64"], B64, &[B64], |t, [a, _]| nonzero(t, quads(a, |_| 1, 1))),
    row(&["s_brev_b32"], B32, &[B32], |_, [a, _]| u64::from((a as u32).reverse_bits())),
    row(&["s_brev_b64"], B64, &[B64], |_, [a, _]| a.reverse_bits()),
    row(&["s_bcnt0_i32_b32"], B32, &[B32], |t, [a, _]| nonzero(t, u64::from((a as u32).count_zeros()))),
    row(&["s_bcnt0_i32_b64"], B32, &[B64], |t, [a, _]| nonzero(t, u64::from(a.count_zeros()))),
    row(&["s_bcnt1_i32_b32"], B32, &[B32], |t, [a, _]| nonzero(t, u64::from(a.count_ones()))),
    row(&["s_bcnt1_i32_b64"], B32, &[B64], |t, [a, _]| nonzero(t, u64::from(a.count_ones()))),
    row(&["s_ff0_i32_b32"], B32, &[B32], |_, [a, _]| first((a as u32).trailing_ones(), 32)),
    row(&["s_ff0_i32_b64"], B32, &[B64], |_, [a, _]| first(a.trailing_ones(), 64)),
    row(&["s_ff1_i32_b32", "s_ctz_i32_b32"], B32, &[B32], |_, [a, _]| first((a as u32).trailing_zeros(), 32)),
    row(&["s_ff1_i32_b64", "s_ctz_i32_b64"], B32, &[B64], |_, [a, _]| first(a.trailing_zeros(), 64)),
    row(&["s_flbit_i32_b32", "s_clz_i32_u32"], B32, &[B32], |_, [a, _]| first((a as u32).leading_zeros(), 32)),
    row(&["s_flbit_i32_b64", "s_clz_i32_u64"], B32, &[B64], |_, [a, _]| first(a.leading_zeros(), 64)),
    row(&["s_flbit_i32", "s_cls_i32"], B32, &[B32], |_, [a, _]| leading_sign(a, 32)),
    row(&["s_flbit_i32_i64", "s_cls_i32_i64"], B32, &[I64], |_, [a, _]| leading_sign(a, 64)),
    row(&["s_sext_i32_i8"], B32, &[B32], |_, [a, _]| word(i64::from(a as i8))),
    row(&["s_sext_i32_i16"], B32, &[B32], |_, [a, _]| word(i64::from(a as i16))),
    row(&["s_bitset0_b32"], B32, &[B32], |t, [a, _]| t.old & !(1 << (a & 31))),
    row(&["s_bitset0_b64"], B64, &[B32], |t, [a, _]| t.old & !(1 << (a & 63))),
    row(&["s_bitset1_b32"], B32, &[B32], |t, [a, _]| t.old | 1 << (a & 31)),
    row(&["s_bitset1_b64"], B64, &[B32], |t, [a, _]| t.old | 1 << (a & 63)),
    row(&["s_abs_i32"], B32, &[B32], |t, [a, _]| nonzero(t, u64::from((a as i32).wrapping_abs() as u32))),
    row(&["s_bitreplicate_b64_b32"], B64, &[B32], |_, [a, _]| {
        (0..32).fold(0, |result, i| result | ((a >> i & 1) * 3) << (2 * i))
    }),
    row(&["s_and_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, a & t.exec)),
    row(&["s_or_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, a | t.exec)),
    row(&["s_xor_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, a ^ t.exec)),
    row(&["s_nand_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, !(a & t.exec))),
    row(&["s_nor_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, !(a | t.exec))),
    row(&["s_xnor_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, !(a ^ t.exec))),
    row(&["s_andn1_saveexec_b64", "s_and_not0_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, !a & t.exec)),
    row(&["s_andn2_saveexec_b64", "s_and_not1_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, a & !t.exec)),
    row(&["s_orn1_saveexec_b64", "s_or_not0_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, !a | t.exec)),
    row(&["s_orn2_saveexec_b64", "s_or_not1_saveexec_b64"], B64, &[B64], |t, [a, _]| save(t, a | !t.exec)),
    row(&["s_andn1_wrexec_b64", "s_and_not0_wrexec_b64"], B64, &[B64], |t, [a, _]| write(t, !a & t.exec)),
    row(&["s_andn2_wrexec_b64", "s_and_not1_wrexec_b64"], B64, &[B64], |t, [a, _]| write(t, a & !t.exec)),
    row(&["s_and_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, a & t.exec)),
    row(&["s_or_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, a | t.exec)),
    row(&["s_xor_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, a ^ t.exec)),
    row(&["s_nand_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, !(a & t.exec))),
    row(&["s_nor_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, !(a | t.exec))),
    row(&["s_xnor_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, !(a ^ t.exec))),
    row(&["s_andn1_saveexec_b32", "s_and_not0_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, !a & t.exec)),
    row(&["s_andn2_saveexec_b32", "s_and_not1_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, a & !t.exec)),
    row(&["s_orn1_saveexec_b32", "s_or_not0_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, !a | t.exec)),
    row(&["s_orn2_saveexec_b32", "s_or_not1_saveexec_b32"], B32, &[B32], |t, [a, _]| save32(t, a | !t.exec)),
    row(&["s_andn1_wrexec_b32", "s_and_not0_wrexec_b32"], B32, &[B32], |t, [a, _]| write32(t, !a & t.exec)),
    row(&["s_andn2_wrexec_b32", "s_and_not1_wrexec_b32"], B32, &[B32], |t, [a, _]| write32(t, a & !t.exec)),
    compare(&["s_cmp_eq_i32", "s_cmp_eq_u32"], &[B32, B32], |_, [a, b]| u64::from(a == b)),
    compare(&["s_cmp_lg_i32", "s_cmp_lg_u32"], &[B32, B32], |_, [a, b]| u64::from(a != b)),
    compare(&["s_cmp_gt_i32"], &[B32, B32], |_, [a, b]| u64::from(s(a) > s(b))),
    compare(&["s_cmp_ge_i32"], &[B32, B32], |_, [a, b]| u64::from(s(a) >= s(b))),
    compare(&["s_cmp_lt_i32"], &[B32, B32], |_, [a, b]| u64::from(s(a) < s(b))),
    compare(&["s_cmp_le_i32"], &[B32, B32], |_, [a, b]| u64::from(s(a) <= s(b))),
    compare(&["s_cmp_gt_u32"], &[B32, B32], |_, [a, b]| u64::from(a > b)),
    compare(&["s_cmp_ge_u32"], &[B32, B32], |_, [a, b]| u64::from(a >= b)),
    compare(&["s_cmp_lt_u32"], &[B32, B32], |_, [a, b]| u64::from(a < b)),
    compare(&["s_cmp_le_u32"], &[B32, B32], |_, [a, b]| u64::from(a <= b)),
    compare(&["s_cmp_eq_u64"], &[B64, B64], |_, [a, b]| u64::from(a == b)),
    compare(&["s_cmp_lg_u64"], &[B64, B64], |_, [a, b]| u64::from(a != b)),
    compare(&["s_bitcmp0_b32"], &[B32, B32], |_, [a, b]| !a >> (b & 31) & 1),
    compare(&["s_bitcmp1_b32"], &[B32, B32], |_, [a, b]| a >> (b & 31) & 1),
    compare(&["s_bitcmp0_b64"], &[B64, B32], |_, [a, b]| !a >> (b & 63) & 1),
    compare(&["s_bitcmp1_b64"], &[B64, B32], |_, [a, b]| a >> (b & 63) & 1),
    immediate(&["s_movk_i32"], Some(B32), &[], |_, [a, _]| a),
    immediate(&["s_cmovk_i32"], Some(B32), &[], |t, [a, _]| if t.scc { a } else { t.old }),
    immediate(&["s_addk_i32", "s_addk_co_i32"], Some(B32), &[], |t, [a, _]| overflow(t, s(t.old) + s(a))),
    immediate(&["s_mulk_i32"], Some(B32), &[], |t, [a, _]| word(s(t.old).wrapping_mul(s(a)))),
    immediate(&["s_cmpk_eq_i32"], None, &[B32], |_, [a, b]| u64::from(a == b)),
    immediate(&["s_cmpk_lg_i32"], None, &[B32], |_, [a, b]| u64::from(a != b)),
    immediate(&["s_cmpk_gt_i32"], None, &[B32], |_, [a, b]| u64::from(s(a) > s(b))),
    immediate(&["s_cmpk_ge_i32"], None, &[B32], |_, [a, b]| u64::from(s(a) >= s(b))),
    immediate(&["s_cmpk_lt_i32"], None, &[B32], |_, [a, b]| u64::from(s(a) < s(b))),
    immediate(&["s_cmpk_le_i32"], None, &[B32], |_, [a, b]| u64::from(s(a) <= s(b))),
    immediate_unsigned(&["s_cmpk_eq_u32"], &[B32], |_, [a, b]| u64::from(a == b)),
    immediate_unsigned(&["s_cmpk_lg_u32"], &[B32], |_, [a, b]| u64::from(a != b)),
    immediate_unsigned(&["s_cmpk_gt_u32"], &[B32], |_, [a, b]| u64::from(a > b)),
    immediate_unsigned(&["s_cmpk_ge_u32"], &[B32], |_, [a, b]| u64::from(a >= b)),
    immediate_unsigned(&["s_cmpk_lt_u32"], &[B32], |_, [a, b]| u64::from(a < b)),
    immediate_unsigned(&["s_cmpk_le_u32"], &[B32], |_, [a, b]| u64::from(a <= b)),
];

/// A source of a scalar instruction.
pub fn source(kind: Type, target: &Target, may_be_literal: bool, random: &mut Random) -> Source {
    // In waves of 32 the masks have one word.
    let masks = kind.words() <= target.lanes / 32;
    match random.below(8) {
        0 if may_be_literal => Source::Literal(literal(kind, random)),
        1 => Source::Integer(random.below(81) as i32 - 16),
        2 if masks => random.pick(&[Source::Vcc, Source::Exec]),
        3 if kind.words() == 1 => Source::M0,
        4 if kind.words() == 2 => Source::Scalar(random.pick(&MASKS)),
        _ => Source::Scalar(Bank::of(kind).pick_scalar(kind, random)),
    }
}

/// A case with random operands.
pub fn case(row: &'static Row, name: &str, form: &Form, target: &Target, random: &mut Random) -> Case {
    let mut parts = Vec::new();
    let words = row.to.map_or(0, Type::words);
    let to_vcc = words == target.lanes / 32 && random.one_in(4);
    if row.to.is_some() {
        parts.push(if to_vcc { Source::Vcc.text(words) } else { scalar_text(SCALAR_DESTINATION, words) });
    }
    let mut sources: Vec<Source> = Vec::new();
    for kind in row.from {
        let free = row.immediate.is_none() && !sources.iter().any(|source| matches!(source, Source::Literal(_)));
        let source = if row.immediate.is_some() {
            Source::Scalar(Bank::of(*kind).pick_scalar(*kind, random))
        } else {
            source(*kind, target, free, random)
        };
        parts.push(source.text(kind.words()));
        sources.push(source);
    }
    let immediate = row.immediate.map(|signed| {
        let value = super::inputs::integer(16, random);
        parts.push(format!("{value:#x}"));
        if signed { u64::from(i32::from(value as i16) as u32) } else { value }
    });
    let text = format!("{} {}", form.mnemonic, parts.join(", "));
    let model = move |wave: &mut Wave| {
        let mut values = [0; 2];
        for ((value, source), kind) in values.iter_mut().zip(&sources).zip(row.from) {
            *value = source.fetch(wave, *kind, 0) as u64;
        }
        if let Some(immediate) = immediate {
            values[sources.len()] = immediate;
        }
        let old = if to_vcc { wave.vcc } else { wave.scalar(SCALAR_DESTINATION, words.max(1)) };
        let mut state = State { scc: wave.scc, exec: wave.exec, old };
        let value = (row.operation)(&mut state, values);
        wave.exec = state.exec;
        if row.to.is_none() {
            wave.scc = value & 1 == 1;
            return;
        }
        wave.scc = state.scc;
        if to_vcc {
            wave.vcc = value;
        } else {
            wave.set_scalar(SCALAR_DESTINATION, words, value);
        }
    };
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    case.scalars = true;
    if random.one_in(4) {
        case.exec = FULL;
    }
    case.m0 = Some(super::inputs::FIRST_SCALAR + random.below(6));
    case
}
