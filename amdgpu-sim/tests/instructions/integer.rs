//! Vector instructions on integers and bits. The chapters "VOP1", "VOP2" and "VOP3A" of the guides.

use super::{
    operand::Type::{B16, B32, B64, I64, PkB16},
    vector::{Kind, Lane, Row, row},
};

fn sign(bits: u32, value: u64) -> i128 {
    let shift = 64 - bits;
    i128::from((value << shift) as i64 >> shift)
}

fn s16(value: u64) -> i128 {
    sign(16, value)
}

fn s24(value: u64) -> i128 {
    sign(24, value)
}

fn s32(value: u64) -> i128 {
    sign(32, value)
}

fn u(bits: u32, value: u64) -> i128 {
    i128::from(value & (u64::MAX >> (64 - bits)))
}

fn low(bits: u32, value: i128) -> u64 {
    (value & ((1 << bits) - 1)) as u64
}

fn carry(lane: &mut Lane, value: i128) -> u64 {
    lane.carry = !(0..1 << 32).contains(&value);
    lane.unsigned(32, value)
}

fn bytes(value: u64) -> impl Iterator<Item = u64> {
    (0..4).map(move |i| value >> (8 * i) & 0xff)
}

fn sad8(a: u64, b: u64, masked: bool) -> u64 {
    bytes(a).zip(bytes(b)).filter(|(_, b)| !masked || *b != 0).map(|(a, b)| a.abs_diff(b)).sum()
}

fn sad_packed(a: u64, b: u64, c: u64, masked: bool) -> u64 {
    (0..4).fold(0, |result, i| {
        let sum = sad8(a >> (8 * i) & 0xffff_ffff, b, masked) + (c >> (16 * i) & 0xffff);
        result | (sum & 0xffff) << (16 * i)
    })
}

fn leading_sign(value: u64) -> u64 {
    let value = value as u32;
    let run = if value >> 31 == 1 { value.leading_ones() } else { value.leading_zeros() };
    if run == 32 { 0xffff_ffff } else { u64::from(run) }
}

fn permute(bytes: u64, selector: u64) -> u64 {
    let byte = |at: u64| bytes >> (8 * at) & 0xff;
    // Sources are one number: the first one above the second.
    (0..4).fold(0, |result, i| {
        let value = match selector >> (8 * i) & 0xff {
            at @ 0..=7 => byte(at),
            at @ 8..=11 => 0xff * (byte(2 * (at - 8) + 1) >> 7),
            12 => 0,
            _ => 0xff,
        };
        result | value << (8 * i)
    })
}

fn median(mut values: [i128; 3]) -> i128 {
    values.sort_unstable();
    values[1]
}

fn dot(a: u64, b: u64, c: u64, width: u32, signed: bool) -> i128 {
    let part = |value: u64, i: u32| {
        let value = value >> (width * i);
        if signed { sign(width, value) } else { u(width, value) }
    };
    let start = if signed { s32(c) } else { u(32, c) };
    (0..32 / width).fold(start, |sum, i| sum + part(a, i) * part(b, i))
}

/// The table.
pub static TABLE: &[Row] = &[
    row(&["v_mov_b32"], B32, &[B32], |_, [a, ..]| a),
    row(&["v_mov_b64"], B64, &[B64], |_, [a, ..]| a),
    row(&["v_mov_b16"], B16, &[B16], |_, [a, ..]| a),
    row(&["v_not_b32"], B32, &[B32], |_, [a, ..]| !a & 0xffff_ffff),
    row(&["v_not_b16"], B16, &[B16], |_, [a, ..]| !a & 0xffff),
    row(&["v_bfrev_b32"], B32, &[B32], |_, [a, ..]| u64::from((a as u32).reverse_bits())),
    row(&["v_ffbh_u32", "v_clz_i32_u32"], B32, &[B32], |_, [a, ..]| {
        if a == 0 { 0xffff_ffff } else { u64::from((a as u32).leading_zeros()) }
    }),
    row(&["v_ffbl_b32", "v_ctz_i32_b32"], B32, &[B32], |_, [a, ..]| {
        if a == 0 { 0xffff_ffff } else { u64::from((a as u32).trailing_zeros()) }
    }),
    row(&["v_ffbh_i32", "v_cls_i32"], B32, &[B32], |_, [a, ..]| leading_sign(a)),
    row(&["v_and_b32"], B32, &[B32, B32], |_, [a, b, _]| a & b),
    row(&["v_or_b32"], B32, &[B32, B32], |_, [a, b, _]| a | b),
    row(&["v_xor_b32"], B32, &[B32, B32], |_, [a, b, _]| a ^ b),
    row(&["v_xnor_b32"], B32, &[B32, B32], |_, [a, b, _]| !(a ^ b) & 0xffff_ffff),
    row(&["v_and_b16"], B16, &[B16, B16], |_, [a, b, _]| a & b),
    row(&["v_or_b16"], B16, &[B16, B16], |_, [a, b, _]| a | b),
    row(&["v_xor_b16"], B16, &[B16, B16], |_, [a, b, _]| a ^ b),
    row(&["v_lshlrev_b32"], B32, &[B32, B32], |_, [a, b, _]| low(32, u(32, b) << (a & 31))),
    row(&["v_lshrrev_b32"], B32, &[B32, B32], |_, [a, b, _]| b >> (a & 31)),
    row(&["v_ashrrev_i32"], B32, &[B32, B32], |_, [a, b, _]| low(32, s32(b) >> (a & 31))),
    row(&["v_lshlrev_b16"], B16, &[B16, B16], |_, [a, b, _]| b << (a & 15) & 0xffff),
    row(&["v_lshrrev_b16"], B16, &[B16, B16], |_, [a, b, _]| b >> (a & 15)),
    row(&["v_ashrrev_i16"], B16, &[B16, B16], |_, [a, b, _]| low(16, s16(b) >> (a & 15))),
    row(&["v_lshlrev_b64"], B64, &[B32, B64], |_, [a, b, _]| b << (a & 63)),
    row(&["v_lshrrev_b64"], B64, &[B32, B64], |_, [a, b, _]| b >> (a & 63)),
    row(&["v_ashrrev_i64"], B64, &[B32, I64], |_, [a, b, _]| (b as i64 >> (a & 63)) as u64),
    row(&["v_add_u32", "v_add_nc_u32"], B32, &[B32, B32], |l, [a, b, _]| l.unsigned(32, u(32, a) + u(32, b))).clamps(),
    row(&["v_sub_u32", "v_sub_nc_u32"], B32, &[B32, B32], |l, [a, b, _]| l.unsigned(32, u(32, a) - u(32, b))).clamps(),
    row(&["v_subrev_u32", "v_subrev_nc_u32"], B32, &[B32, B32], |l, [a, b, _]| l.unsigned(32, u(32, b) - u(32, a)))
        .clamps(),
    row(&["v_add_i32", "v_add_nc_i32"], B32, &[B32, B32], |l, [a, b, _]| l.signed(32, s32(a) + s32(b))).clamps(),
    row(&["v_sub_i32", "v_sub_nc_i32"], B32, &[B32, B32], |l, [a, b, _]| l.signed(32, s32(a) - s32(b))).clamps(),
    row(&["v_add_co_u32"], B32, &[B32, B32], |l, [a, b, _]| carry(l, u(32, a) + u(32, b)))
        .kind(Kind::CarryOut)
        .clamps(),
    row(&["v_sub_co_u32"], B32, &[B32, B32], |l, [a, b, _]| carry(l, u(32, a) - u(32, b)))
        .kind(Kind::CarryOut)
        .clamps(),
    row(&["v_subrev_co_u32"], B32, &[B32, B32], |l, [a, b, _]| carry(l, u(32, b) - u(32, a)))
        .kind(Kind::CarryOut)
        .clamps(),
    row(&["v_addc_co_u32", "v_add_co_ci_u32"], B32, &[B32, B32], |l, [a, b, _]| {
        let c = i128::from(l.carry);
        carry(l, u(32, a) + u(32, b) + c)
    })
    .kind(Kind::CarryInOut)
    .clamps(),
    row(&["v_subb_co_u32", "v_sub_co_ci_u32"], B32, &[B32, B32], |l, [a, b, _]| {
        let c = i128::from(l.carry);
        carry(l, u(32, a) - u(32, b) - c)
    })
    .kind(Kind::CarryInOut)
    .clamps(),
    row(&["v_subbrev_co_u32", "v_subrev_co_ci_u32"], B32, &[B32, B32], |l, [a, b, _]| {
        let c = i128::from(l.carry);
        carry(l, u(32, b) - u(32, a) - c)
    })
    .kind(Kind::CarryInOut)
    .clamps(),
    row(&["v_cndmask_b32"], B32, &[B32, B32], |l, [a, b, _]| if l.carry { b } else { a }).kind(Kind::Select),
    row(&["v_cndmask_b16"], B16, &[B16, B16], |l, [a, b, _]| if l.carry { b } else { a }).kind(Kind::Select),
    row(&["v_mul_i32_i24"], B32, &[B32, B32], |l, [a, b, _]| l.signed(32, s24(a) * s24(b))),
    row(&["v_mul_hi_i32_i24"], B32, &[B32, B32], |_, [a, b, _]| low(32, (s24(a) * s24(b)) >> 32)),
    row(&["v_mul_u32_u24"], B32, &[B32, B32], |l, [a, b, _]| l.unsigned(32, u(24, a) * u(24, b))),
    row(&["v_mul_hi_u32_u24"], B32, &[B32, B32], |_, [a, b, _]| low(32, (u(24, a) * u(24, b)) >> 32)),
    row(&["v_mad_i32_i24"], B32, &[B32, B32, B32], |l, [a, b, c]| l.signed(32, s24(a) * s24(b) + s32(c))).clamps(),
    row(&["v_mad_u32_u24"], B32, &[B32, B32, B32], |l, [a, b, c]| l.unsigned(32, u(24, a) * u(24, b) + u(32, c)))
        .clamps(),
    row(&["v_mul_lo_u32"], B32, &[B32, B32], |_, [a, b, _]| low(32, u(32, a) * u(32, b))),
    row(&["v_mul_hi_u32"], B32, &[B32, B32], |_, [a, b, _]| low(32, (u(32, a) * u(32, b)) >> 32)),
    row(&["v_mul_hi_i32"], B32, &[B32, B32], |_, [a, b, _]| low(32, (s32(a) * s32(b)) >> 32)),
    row(&["v_mad_u64_u32", "v_mad_co_u64_u32"], B64, &[B32, B32, B64], |l, [a, b, c]| {
        let value = u(32, a) * u(32, b) + u(64, c);
        l.carry = value >> 64 != 0;
        l.unsigned(64, value)
    })
    .kind(Kind::CarryOut)
    .clamps(),
    row(&["v_mad_i64_i32", "v_mad_co_i64_i32"], B64, &[B32, B32, I64], |l, [a, b, c]| {
        let value = s32(a) * s32(b) + sign(64, c);
        l.carry = i64::try_from(value).is_err();
        l.signed(64, value)
    })
    .kind(Kind::CarryOut)
    .clamps(),
    row(&["v_add_u16", "v_add_nc_u16"], B16, &[B16, B16], |l, [a, b, _]| l.unsigned(16, u(16, a) + u(16, b))).clamps(),
    row(&["v_sub_u16", "v_sub_nc_u16"], B16, &[B16, B16], |l, [a, b, _]| l.unsigned(16, u(16, a) - u(16, b))).clamps(),
    row(&["v_subrev_u16"], B16, &[B16, B16], |l, [a, b, _]| l.unsigned(16, u(16, b) - u(16, a))).clamps(),
    row(&["v_add_i16", "v_add_nc_i16"], B16, &[B16, B16], |l, [a, b, _]| l.signed(16, s16(a) + s16(b)))
        .keeps()
        .clamps(),
    row(&["v_sub_i16", "v_sub_nc_i16"], B16, &[B16, B16], |l, [a, b, _]| l.signed(16, s16(a) - s16(b)))
        .keeps()
        .clamps(),
    row(&["v_mul_lo_u16"], B16, &[B16, B16], |l, [a, b, _]| l.unsigned(16, u(16, a) * u(16, b))),
    row(&["v_mad_u16"], B16, &[B16, B16, B16], |l, [a, b, c]| l.unsigned(16, u(16, a) * u(16, b) + u(16, c)))
        .keeps()
        .clamps(),
    row(&["v_mad_i16"], B16, &[B16, B16, B16], |l, [a, b, c]| l.signed(16, s16(a) * s16(b) + s16(c))).keeps().clamps(),
    row(&["v_mad_legacy_u16"], B16, &[B16, B16, B16], |l, [a, b, c]| l.unsigned(16, u(16, a) * u(16, b) + u(16, c)))
        .clamps(),
    row(&["v_mad_legacy_i16"], B16, &[B16, B16, B16], |l, [a, b, c]| l.signed(16, s16(a) * s16(b) + s16(c))).clamps(),
    row(&["v_mad_u32_u16"], B32, &[B16, B16, B32], |l, [a, b, c]| l.unsigned(32, u(16, a) * u(16, b) + u(32, c)))
        .clamps(),
    row(&["v_mad_i32_i16"], B32, &[B16, B16, B32], |l, [a, b, c]| l.signed(32, s16(a) * s16(b) + s32(c))).clamps(),
    row(&["v_min_u32"], B32, &[B32, B32], |_, [a, b, _]| a.min(b)),
    row(&["v_max_u32"], B32, &[B32, B32], |_, [a, b, _]| a.max(b)),
    row(&["v_min_i32"], B32, &[B32, B32], |_, [a, b, _]| low(32, s32(a).min(s32(b)))),
    row(&["v_max_i32"], B32, &[B32, B32], |_, [a, b, _]| low(32, s32(a).max(s32(b)))),
    row(&["v_min_u16"], B16, &[B16, B16], |_, [a, b, _]| a.min(b)),
    row(&["v_max_u16"], B16, &[B16, B16], |_, [a, b, _]| a.max(b)),
    row(&["v_min_i16"], B16, &[B16, B16], |_, [a, b, _]| low(16, s16(a).min(s16(b)))),
    row(&["v_max_i16"], B16, &[B16, B16], |_, [a, b, _]| low(16, s16(a).max(s16(b)))),
    row(&["v_min3_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| a.min(b).min(c)),
    row(&["v_max3_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| a.max(b).max(c)),
    row(&["v_med3_u32"], B32, &[B32, B32, B32], |_, s| low(32, median(s.map(|x| u(32, x))))),
    row(&["v_min3_i32"], B32, &[B32, B32, B32], |_, [a, b, c]| low(32, s32(a).min(s32(b)).min(s32(c)))),
    row(&["v_max3_i32"], B32, &[B32, B32, B32], |_, [a, b, c]| low(32, s32(a).max(s32(b)).max(s32(c)))),
    row(&["v_med3_i32"], B32, &[B32, B32, B32], |_, s| low(32, median(s.map(s32)))),
    row(&["v_min3_u16"], B16, &[B16, B16, B16], |_, [a, b, c]| a.min(b).min(c)).keeps(),
    row(&["v_max3_u16"], B16, &[B16, B16, B16], |_, [a, b, c]| a.max(b).max(c)).keeps(),
    row(&["v_med3_u16"], B16, &[B16, B16, B16], |_, s| low(16, median(s.map(|x| u(16, x))))).keeps(),
    row(&["v_min3_i16"], B16, &[B16, B16, B16], |_, [a, b, c]| low(16, s16(a).min(s16(b)).min(s16(c)))).keeps(),
    row(&["v_max3_i16"], B16, &[B16, B16, B16], |_, [a, b, c]| low(16, s16(a).max(s16(b)).max(s16(c)))).keeps(),
    row(&["v_med3_i16"], B16, &[B16, B16, B16], |_, s| low(16, median(s.map(s16)))).keeps(),
    row(&["v_minmax_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| a.min(b).max(c)),
    row(&["v_maxmin_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| a.max(b).min(c)),
    row(&["v_minmax_i32"], B32, &[B32, B32, B32], |_, [a, b, c]| low(32, s32(a).min(s32(b)).max(s32(c)))),
    row(&["v_maxmin_i32"], B32, &[B32, B32, B32], |_, [a, b, c]| low(32, s32(a).max(s32(b)).min(s32(c)))),
    row(&["v_add3_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| low(32, u(32, a) + u(32, b) + u(32, c))),
    row(&["v_lshl_add_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| low(32, (u(32, a) << (b & 31)) + u(32, c))),
    row(&["v_lshl_add_u64"], B64, &[B64, B32, B64], |_, [a, b, c]| (a << (b & 7)).wrapping_add(c)),
    row(&["v_add_lshl_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| {
        low(32, low(32, u(32, a) + u(32, b)) as i128) << (c & 31) & 0xffff_ffff
    }),
    row(&["v_lshl_or_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| a << (b & 31) & 0xffff_ffff | c),
    row(&["v_and_or_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| a & b | c),
    row(&["v_or3_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| a | b | c),
    row(&["v_xor3_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| a ^ b ^ c),
    row(&["v_xad_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| low(32, u(32, a ^ b) + u(32, c))),
    row(&["v_bfe_u32"], B32, &[B32, B32, B32], |_, [a, b, c]| a >> (b & 31) & ((1 << (c & 31)) - 1)),
    row(&["v_bfe_i32"], B32, &[B32, B32, B32], |_, [a, b, c]| {
        let width = (c & 31) as u32;
        if width == 0 { 0 } else { low(32, sign(width, low(32, s32(a) >> (b & 31)))) }
    }),
    row(&["v_bfi_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| a & b | !a & c & 0xffff_ffff),
    row(&["v_bfm_b32"], B32, &[B32, B32], |_, [a, b, _]| ((1 << (a & 31)) - 1) << (b & 31) & 0xffff_ffff),
    row(&["v_alignbit_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| (a << 32 | b) >> (c & 31) & 0xffff_ffff),
    row(&["v_alignbyte_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| (a << 32 | b) >> (8 * (c & 3)) & 0xffff_ffff),
    row(&["v_perm_b32"], B32, &[B32, B32, B32], |_, [a, b, c]| permute(a << 32 | b, c)),
    row(&["v_lerp_u8"], B32, &[B32, B32, B32], |_, [a, b, c]| {
        (0..4).fold(0, |result, i| {
            let at = |value: u64| value >> (8 * i) & 0xff;
            result | (at(a) + at(b) + (at(c) & 1)) >> 1 << (8 * i)
        })
    }),
    row(&["v_sad_u8"], B32, &[B32, B32, B32], |l, [a, b, c]| l.unsigned(32, i128::from(sad8(a, b, false) + c)))
        .clamps(),
    row(&["v_sad_hi_u8"], B32, &[B32, B32, B32], |l, [a, b, c]| {
        l.unsigned(32, i128::from((sad8(a, b, false) << 16) + c))
    })
    .clamps(),
    row(&["v_msad_u8"], B32, &[B32, B32, B32], |l, [a, b, c]| l.unsigned(32, i128::from(sad8(a, b, true) + c))),
    row(&["v_sad_u16"], B32, &[B32, B32, B32], |l, [a, b, c]| {
        let part = |i: u32| (a >> i & 0xffff).abs_diff(b >> i & 0xffff);
        l.unsigned(32, i128::from(part(0) + part(16) + c))
    })
    .clamps(),
    row(&["v_sad_u32"], B32, &[B32, B32, B32], |l, [a, b, c]| l.unsigned(32, i128::from(a.abs_diff(b) + c))).clamps(),
    row(&["v_qsad_pk_u16_u8"], B64, &[B64, B32, B64], |l, [a, b, c]| {
        l.unspecified = l.clamp;
        sad_packed(a, b, c, false)
    }),
    row(&["v_mqsad_pk_u16_u8"], B64, &[B64, B32, B64], |l, [a, b, c]| {
        l.unspecified = l.clamp;
        sad_packed(a, b, c, true)
    }),
    row(&["v_bcnt_u32_b32"], B32, &[B32, B32], |_, [a, b, _]| low(32, i128::from(a.count_ones()) + u(32, b))),
    row(&["v_mbcnt_lo_u32_b32"], B32, &[B32, B32], |l, [a, b, _]| {
        let below = if l.lane >= 32 { a } else { a & ((1 << l.lane) - 1) };
        low(32, i128::from(below.count_ones()) + u(32, b))
    }),
    row(&["v_mbcnt_hi_u32_b32"], B32, &[B32, B32], |l, [a, b, _]| {
        let below = if l.lane < 32 { 0 } else { a & ((1 << (l.lane - 32)) - 1) };
        low(32, i128::from(below.count_ones()) + u(32, b))
    }),
    row(&["v_cvt_pk_u16_u32"], B32, &[B32, B32], |_, [a, b, _]| a.min(0xffff) | b.min(0xffff) << 16),
    row(&["v_cvt_pk_i16_i32"], B32, &[B32, B32], |_, [a, b, _]| {
        let saturate = |value: u64| low(16, s32(value).clamp(-32768, 32767));
        saturate(a) | saturate(b) << 16
    }),
    row(&["v_sat_pk_u8_i16"], B16, &[B32], |_, [a, ..]| {
        let saturate = |value: u64| s16(value).clamp(0, 255) as u64;
        saturate(a & 0xffff) | saturate(a >> 16) << 8
    }),
    row(&["v_dot2_i32_i16"], B32, &[PkB16, PkB16, B32], |l, [a, b, c]| l.signed(32, dot(a, b, c, 16, true))).clamps(),
    row(&["v_dot2_u32_u16"], B32, &[PkB16, PkB16, B32], |l, [a, b, c]| l.unsigned(32, dot(a, b, c, 16, false)))
        .clamps(),
    row(&["v_dot4_i32_i8"], B32, &[B32, B32, B32], |l, [a, b, c]| l.signed(32, dot(a, b, c, 8, true))).clamps(),
    row(&["v_dot4_u32_u8"], B32, &[B32, B32, B32], |l, [a, b, c]| l.unsigned(32, dot(a, b, c, 8, false))).clamps(),
    row(&["v_dot8_i32_i4"], B32, &[B32, B32, B32], |l, [a, b, c]| l.signed(32, dot(a, b, c, 4, true))).clamps(),
    row(&["v_dot8_u32_u4"], B32, &[B32, B32, B32], |l, [a, b, c]| l.unsigned(32, dot(a, b, c, 4, false))).clamps(),
    row(&["v_dot2c_i32_i16"], B32, &[PkB16, PkB16, B32], |l, [a, b, c]| l.signed(32, dot(a, b, c, 16, true)))
        .accumulates()
        .clamps(),
    row(&["v_dot4c_i32_i8"], B32, &[B32, B32, B32], |l, [a, b, c]| l.signed(32, dot(a, b, c, 8, true)))
        .accumulates()
        .clamps(),
    row(&["v_dot8c_i32_i4"], B32, &[B32, B32, B32], |l, [a, b, c]| l.signed(32, dot(a, b, c, 4, true)))
        .accumulates()
        .clamps(),
    row(&["v_pk_add_u16"], PkB16, &[PkB16, PkB16], |l, [a, b, _]| l.unsigned(16, u(16, a) + u(16, b)))
        .kind(Kind::Packed)
        .clamps(),
    row(&["v_pk_sub_u16"], PkB16, &[PkB16, PkB16], |l, [a, b, _]| l.unsigned(16, u(16, a) - u(16, b)))
        .kind(Kind::Packed)
        .clamps(),
    row(&["v_pk_add_i16"], PkB16, &[PkB16, PkB16], |l, [a, b, _]| l.signed(16, s16(a) + s16(b)))
        .kind(Kind::Packed)
        .clamps(),
    row(&["v_pk_sub_i16"], PkB16, &[PkB16, PkB16], |l, [a, b, _]| l.signed(16, s16(a) - s16(b)))
        .kind(Kind::Packed)
        .clamps(),
    row(&["v_pk_mul_lo_u16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| low(16, u(16, a) * u(16, b))).kind(Kind::Packed),
    row(&["v_pk_mad_u16"], PkB16, &[PkB16, PkB16, PkB16], |l, [a, b, c]| {
        l.unsigned(16, u(16, a) * u(16, b) + u(16, c))
    })
    .kind(Kind::Packed)
    .clamps(),
    row(&["v_pk_mad_i16"], PkB16, &[PkB16, PkB16, PkB16], |l, [a, b, c]| l.signed(16, s16(a) * s16(b) + s16(c)))
        .kind(Kind::Packed)
        .clamps(),
    row(&["v_pk_min_u16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| a.min(b)).kind(Kind::Packed),
    row(&["v_pk_max_u16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| a.max(b)).kind(Kind::Packed),
    row(&["v_pk_min_i16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| low(16, s16(a).min(s16(b)))).kind(Kind::Packed),
    row(&["v_pk_max_i16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| low(16, s16(a).max(s16(b)))).kind(Kind::Packed),
    row(&["v_pk_lshlrev_b16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| b << (a & 15) & 0xffff).kind(Kind::Packed),
    row(&["v_pk_lshrrev_b16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| b >> (a & 15)).kind(Kind::Packed),
    row(&["v_pk_ashrrev_i16"], PkB16, &[PkB16, PkB16], |_, [a, b, _]| low(16, s16(b) >> (a & 15))).kind(Kind::Packed),
];
