//! What the lanes of a wave and the waves of a work-group do together. The host has nothing like it: the reference is a
//! model, written from LLVM's *User Guide for AMDGPU Backend* and from what the ISA guides say of DPP and swizzles.

use super::{
    case::{Case, Compare, Lane, Reference},
    inputs::Domain,
    types::{Scalar, Ty},
};

const I32: Ty = Ty::scalar(Scalar::I32);

/// What a wave makes of its lanes' arguments.
type Model = fn(&[Lane]) -> Vec<u128>;

/// A lane's value from another lane: `from` gives its number of the lane's own, of all.
fn moved(lanes: &[Lane], from: impl Fn(usize) -> Option<usize>, otherwise: impl Fn(usize) -> u128) -> Vec<u128> {
    (0..lanes.len()).map(|n| from(n).map_or_else(|| otherwise(n), |from| lanes[from][0])).collect()
}

/// A lane of the same row of sixteen.
fn in_row(n: usize, place: usize) -> usize {
    n & !15 | place
}

fn everywhere(value: u128, lanes: &[Lane]) -> Vec<u128> {
    vec![value; lanes.len()]
}

fn bits(lanes: &[Lane], is_set: impl Fn(&Lane) -> bool) -> u128 {
    lanes.iter().enumerate().map(|(n, lane)| u128::from(is_set(lane)) << n).sum()
}

fn reduced(lanes: &[Lane], start: u32, apply: fn(u32, u32) -> u32) -> Vec<u128> {
    everywhere(u128::from(lanes.iter().fold(start, |all, lane| apply(all, lane[0] as u32))), lanes)
}

/// A lane's first argument as the bytes of a word.
fn bytes(value: u128) -> [u8; 4] {
    (value as u32).to_le_bytes()
}

fn each(lanes: &[Lane], f: impl Fn(u32, u32, u32) -> u32) -> Vec<u128> {
    lanes.iter().map(|[a, b, c]| u128::from(f(*a as u32, *b as u32, *c as u32))).collect()
}

/// Name, arguments, body, model. Arguments and results are `i32`.
const WAVES: &[(&str, usize, &str, Model)] = &[
    (
        "lane_id",
        1,
        "%l = call i32 @llvm.amdgcn.mbcnt.lo(i32 -1, i32 0)\n%r = call i32 @llvm.amdgcn.mbcnt.hi(i32 -1, i32 %l)",
        |lanes| (0..lanes.len() as u128).collect(),
    ),
    (
        "mbcnt_of_bits",
        2,
        "%l = call i32 @llvm.amdgcn.mbcnt.lo(i32 %a, i32 %b)\n%r = call i32 @llvm.amdgcn.mbcnt.hi(i32 %a, i32 %l)",
        |lanes| {
            let below = |n: usize| if n == 0 { 0 } else { u32::MAX >> (32 - n.min(32)) };
            let count = |n: usize, a: u32, b: u32| {
                let low = (a & below(n)).count_ones();
                let high = (a & below(n.saturating_sub(32))).count_ones();
                low.wrapping_add(high).wrapping_add(b)
            };
            lanes.iter().enumerate().map(|(n, [a, b, _])| u128::from(count(n, *a as u32, *b as u32))).collect()
        },
    ),
    ("readfirstlane", 1, "%r = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %a)", |lanes| {
        everywhere(lanes[0][0], lanes)
    }),
    ("readlane", 1, "%r = call i32 @llvm.amdgcn.readlane.i32(i32 %a, i32 7)", |lanes| everywhere(lanes[7][0], lanes)),
    (
        "readlane_any",
        2,
        "%f = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %b)\n%k = and i32 %f, 31\n\
        %r = call i32 @llvm.amdgcn.readlane.i32(i32 %a, i32 %k)",
        |lanes| everywhere(lanes[lanes[0][1] as usize & 31][0], lanes),
    ),
    (
        "writelane",
        2,
        "%f = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %b)\n%r = call i32 @llvm.amdgcn.writelane.i32(i32 %f, i32 9, i32 %a)",
        |lanes| moved(lanes, |n| (n != 9).then_some(n), |_| lanes[0][1]),
    ),
    (
        "ballot_64",
        1,
        "%o = trunc i32 %a to i1\n%m = call i64 @llvm.amdgcn.ballot.i64(i1 %o)\n%h = lshr i64 %m, 16\n%r = trunc i64 %h to i32",
        |lanes| everywhere(bits(lanes, |lane| lane[0] & 1 != 0) >> 16 & 0xffff_ffff, lanes),
    ),
    (
        "ballot_low",
        2,
        "%o = icmp ult i32 %a, %b\n%m = call i64 @llvm.amdgcn.ballot.i64(i1 %o)\n%r = trunc i64 %m to i32",
        |lanes| everywhere(bits(lanes, |[a, b, _]| a < b) & 0xffff_ffff, lanes),
    ),
    ("ballot_32", 1, "%o = trunc i32 %a to i1\n%r = call i32 @llvm.amdgcn.ballot.i32(i1 %o)", |lanes| {
        everywhere(bits(lanes, |lane| lane[0] & 1 != 0), lanes)
    }),
    (
        "icmp_mask",
        2,
        "%m = call i64 @llvm.amdgcn.icmp.i64.i32(i32 %a, i32 %b, i32 40)\n%r = trunc i64 %m to i32",
        |lanes| everywhere(bits(lanes, |[a, b, _]| (*a as i32) < *b as i32) & 0xffff_ffff, lanes),
    ),
    (
        "branch_of_wave",
        1,
        "%o = trunc i32 %a to i1\n%m = call i64 @llvm.amdgcn.ballot.i64(i1 %o)\n%none = icmp eq i64 %m, 0\n\
        br i1 %none, label %zero, label %some\nzero:\nbr label %join\nsome:\n%c = call i64 @llvm.ctpop.i64(i64 %m)\n\
        %n = trunc i64 %c to i32\nbr label %join\njoin:\n%r = phi i32 [ 0, %zero ], [ %n, %some ]",
        |lanes| everywhere(u128::from(bits(lanes, |lane| lane[0] & 1 != 0).count_ones()), lanes),
    ),
    (
        "first_of_some",
        1,
        "%o = trunc i32 %a to i1\nbr i1 %o, label %odd, label %join\nodd:\n\
        %f = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %a)\nbr label %join\njoin:\n%r = phi i32 [ -1, %entry ], [ %f, %odd ]",
        |lanes| {
            let first = lanes.iter().find(|lane| lane[0] & 1 != 0).map_or(0, |lane| lane[0]);
            lanes.iter().map(|lane| if lane[0] & 1 != 0 { first } else { 0xffff_ffff }).collect()
        },
    ),
    (
        "bpermute",
        2,
        "%k = and i32 %b, 31\n%i = shl i32 %k, 2\n%r = call i32 @llvm.amdgcn.ds.bpermute(i32 %i, i32 %a)",
        |lanes| moved(lanes, |n| Some(lanes[n][1] as usize & 31), |_| 0),
    ),
    (
        "permute",
        1,
        "%l = call i32 @llvm.amdgcn.mbcnt.lo(i32 -1, i32 0)\n%k = xor i32 %l, 5\n%i = shl i32 %k, 2\n\
        %r = call i32 @llvm.amdgcn.ds.permute(i32 %i, i32 %a)",
        // In waves of 64, lanes 32 and more have the id 32 here and send to lane 37: the last of them is seen.
        |lanes| {
            moved(
                lanes,
                |n| match n {
                    0..32 => Some(n ^ 5),
                    37 => Some(63),
                    _ => None,
                },
                |_| 0,
            )
        },
    ),
    (
        "swizzle_quads",
        1,
        "%r = call i32 @llvm.amdgcn.ds.swizzle(i32 %a, i32 32795)", // 0x801b: 3, 2, 1, 0
        |lanes| moved(lanes, |n| Some(n ^ 3), |_| 0),
    ),
    (
        "swizzle_swap",
        1,
        "%r = call i32 @llvm.amdgcn.ds.swizzle(i32 %a, i32 16415)", // 0x401f: xor 16
        |lanes| moved(lanes, |n| Some(n ^ 16), |_| 0),
    ),
    (
        "swizzle_broadcast",
        1,
        "%r = call i32 @llvm.amdgcn.ds.swizzle(i32 %a, i32 120)", // and 0x18, or 3
        |lanes| moved(lanes, |n| Some(n & 0x38 | 3), |_| 0),
    ),
    (
        "dpp_quads",
        1,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 27, i32 15, i32 15, i1 false)",
        |lanes| moved(lanes, |n| Some(n ^ 3), |_| 0),
    ),
    (
        "dpp_shift_left",
        2,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 %b, i32 %a, i32 258, i32 15, i32 15, i1 false)", // row_shl:2
        |lanes| moved(lanes, |n| (n % 16 < 14).then(|| n + 2), |n| lanes[n][1]),
    ),
    (
        "dpp_shift_right",
        2,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 %b, i32 %a, i32 275, i32 15, i32 15, i1 true)", // row_shr:3
        |lanes| moved(lanes, |n| (n % 16 >= 3).then(|| n - 3), |_| 0),
    ),
    (
        "dpp_rotate",
        1,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 292, i32 15, i32 15, i1 false)", // row_ror:4
        |lanes| moved(lanes, |n| Some(in_row(n, (n + 12) % 16)), |_| 0),
    ),
    (
        "dpp_mirror",
        1,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 320, i32 15, i32 15, i1 false)",
        |lanes| moved(lanes, |n| Some(n ^ 15), |_| 0),
    ),
    (
        "dpp_half_mirror",
        1,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 321, i32 15, i32 15, i1 false)",
        |lanes| moved(lanes, |n| Some(n ^ 7), |_| 0),
    ),
    (
        "dpp_masked",
        2,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 %b, i32 %a, i32 320, i32 5, i32 6, i1 false)", // rows 0 2, banks 1 2
        |lanes| {
            moved(lanes, |n| (5 >> (n / 16) & 1 == 1 && 6 >> (n / 4 % 4) & 1 == 1).then_some(n ^ 15), |n| lanes[n][1])
        },
    ),
    (
        "dpp_add",
        2,
        "%x = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 273, i32 15, i32 15, i1 true)\n%r = add i32 %x, %b", // row_shr:1
        |lanes| {
            (0..lanes.len())
                .map(|n| {
                    let moved = if n % 16 == 0 { 0 } else { lanes[n - 1][0] as u32 };
                    u128::from(moved.wrapping_add(lanes[n][1] as u32))
                })
                .collect()
        },
    ),
    ("sum", 1, "%r = call i32 @llvm.amdgcn.wave.reduce.add.i32(i32 %a, i32 0)", |lanes| {
        reduced(lanes, 0, u32::wrapping_add)
    }),
    ("reduce_umin", 1, "%r = call i32 @llvm.amdgcn.wave.reduce.umin.i32(i32 %a, i32 0)", |lanes| {
        reduced(lanes, u32::MAX, u32::min)
    }),
    ("reduce_umax", 1, "%r = call i32 @llvm.amdgcn.wave.reduce.umax.i32(i32 %a, i32 0)", |lanes| {
        reduced(lanes, 0, u32::max)
    }),
    ("reduce_and", 1, "%r = call i32 @llvm.amdgcn.wave.reduce.and.i32(i32 %a, i32 0)", |lanes| {
        reduced(lanes, u32::MAX, |a, b| a & b)
    }),
    ("reduce_or", 1, "%r = call i32 @llvm.amdgcn.wave.reduce.or.i32(i32 %a, i32 0)", |lanes| {
        reduced(lanes, 0, |a, b| a | b)
    }),
    ("reduce_xor", 1, "%r = call i32 @llvm.amdgcn.wave.reduce.xor.i32(i32 %a, i32 0)", |lanes| {
        reduced(lanes, 0, |a, b| a ^ b)
    }),
    ("reduce_min", 1, "%r = call i32 @llvm.amdgcn.wave.reduce.min.i32(i32 %a, i32 0)", |lanes| {
        reduced(lanes, i32::MAX as u32, |a, b| (a as i32).min(b as i32) as u32)
    }),
    // Operations that IR has no name for.
    (
        "perm",
        3,
        "%s = and i32 %c, 252645135\n%r = call i32 @llvm.amdgcn.perm(i32 %a, i32 %b, i32 %s)", // 0x0f0f0f0f
        |lanes| {
            each(lanes, |a, b, c| {
                let all = u64::from(a) << 32 | u64::from(b);
                let byte = |s: u8| match s {
                    0..8 => (all >> (8 * s)) as u8,
                    8..12 => (((all >> (16 * (s - 8) + 15)) & 1) as u8).wrapping_neg(),
                    12 => 0,
                    _ => 0xff,
                };
                u32::from_le_bytes((c & 0x0f0f_0f0f).to_le_bytes().map(byte))
            })
        },
    ),
    ("alignbyte", 3, "%r = call i32 @llvm.amdgcn.alignbyte(i32 %a, i32 %b, i32 %c)", |lanes| {
        each(lanes, |a, b, c| ((u64::from(a) << 32 | u64::from(b)) >> (8 * (c & 3))) as u32)
    }),
    ("ubfe", 3, "%r = call i32 @llvm.amdgcn.ubfe.i32(i32 %a, i32 %b, i32 %c)", |lanes| {
        each(lanes, |a, b, c| (a >> (b & 31)) & ((1_u64 << (c & 31)) - 1) as u32)
    }),
    ("sbfe", 3, "%r = call i32 @llvm.amdgcn.sbfe.i32(i32 %a, i32 %b, i32 %c)", |lanes| {
        each(lanes, |a, b, c| {
            let width = c & 31;
            let field = ((a as i32) >> (b & 31)) as u32 & ((1_u64 << width) - 1) as u32;
            if width == 0 { 0 } else { ((field << (32 - width)) as i32 >> (32 - width)) as u32 }
        })
    }),
    ("mul_u24", 2, "%r = call i32 @llvm.amdgcn.mul.u24.i32(i32 %a, i32 %b)", |lanes| {
        each(lanes, |a, b, _| (a & 0xff_ffff).wrapping_mul(b & 0xff_ffff))
    }),
    ("mul_i24", 2, "%r = call i32 @llvm.amdgcn.mul.i24.i32(i32 %a, i32 %b)", |lanes| {
        each(lanes, |a, b, _| ((a << 8) as i32 >> 8).wrapping_mul((b << 8) as i32 >> 8) as u32)
    }),
    ("mulhi_u24", 2, "%r = call i32 @llvm.amdgcn.mulhi.u24(i32 %a, i32 %b)", |lanes| {
        each(lanes, |a, b, _| ((u64::from(a & 0xff_ffff) * u64::from(b & 0xff_ffff)) >> 32) as u32)
    }),
    ("sad_u8", 3, "%r = call i32 @llvm.amdgcn.sad.u8(i32 %a, i32 %b, i32 %c)", |lanes| {
        lanes
            .iter()
            .map(|[a, b, c]| {
                let sum: u32 = bytes(*a).into_iter().zip(bytes(*b)).map(|(a, b)| u32::from(a.abs_diff(b))).sum();
                u128::from((*c as u32).wrapping_add(sum))
            })
            .collect()
    }),
    ("msad_u8", 3, "%r = call i32 @llvm.amdgcn.msad.u8(i32 %a, i32 %b, i32 %c)", |lanes| {
        lanes
            .iter()
            .map(|[a, b, c]| {
                let counted = bytes(*a).into_iter().zip(bytes(*b)).filter(|(_, b)| *b != 0);
                let sum: u32 = counted.map(|(a, b)| u32::from(a.abs_diff(b))).sum();
                u128::from((*c as u32).wrapping_add(sum))
            })
            .collect()
    }),
    ("lerp", 3, "%r = call i32 @llvm.amdgcn.lerp(i32 %a, i32 %b, i32 %c)", |lanes| {
        lanes
            .iter()
            .map(|[a, b, c]| {
                let (a, b, c) = (bytes(*a), bytes(*b), bytes(*c));
                let mean = |n: usize| ((u32::from(a[n]) + u32::from(b[n]) + u32::from(c[n] & 1)) >> 1) as u8;
                u128::from(u32::from_le_bytes(std::array::from_fn(mean)))
            })
            .collect()
    }),
    ("udot4", 3, "%r = call i32 @llvm.amdgcn.udot4(i32 %a, i32 %b, i32 %c, i1 false)", |lanes| {
        lanes
            .iter()
            .map(|[a, b, c]| {
                let sum: u32 = bytes(*a).into_iter().zip(bytes(*b)).map(|(a, b)| u32::from(a) * u32::from(b)).sum();
                u128::from((*c as u32).wrapping_add(sum))
            })
            .collect()
    }),
    ("sdot4", 3, "%r = call i32 @llvm.amdgcn.sdot4(i32 %a, i32 %b, i32 %c, i1 false)", |lanes| {
        lanes
            .iter()
            .map(|[a, b, c]| {
                let product = |(a, b): (u8, u8)| i32::from(a as i8) * i32::from(b as i8);
                let sum: i32 = bytes(*a).into_iter().zip(bytes(*b)).map(product).sum();
                u128::from((*c as u32).wrapping_add(sum as u32))
            })
            .collect()
    }),
    ("sffbh", 1, "%r = call i32 @llvm.amdgcn.sffbh.i32(i32 %a)", |lanes| {
        each(lanes, |a, _, _| match ((a as i32 >> 31) as u32 ^ a).leading_zeros() {
            32 => u32::MAX,
            n => n,
        })
    }),
    // A wave that is to be all of it.
    (
        "whole_wave_strict",
        1,
        "%x = call i32 @llvm.amdgcn.set.inactive.i32(i32 %a, i32 0)\n\
        %y = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %x, i32 320, i32 15, i32 15, i1 false)\n\
        %r = call i32 @llvm.amdgcn.strict.wwm.i32(i32 %y)",
        |lanes| moved(lanes, |n| Some(n ^ 15), |_| 0),
    ),
];

/// As above, for generations after GFX9.
const RDNA: &[(&str, usize, &str, Model)] = &[
    (
        "permlane16",
        1,
        "%r = call i32 @llvm.amdgcn.permlane16.i32(i32 %a, i32 %a, i32 1985229328, i32 -19088744, i1 false, i1 false)",
        // 0x76543210, 0xfedcba98: in place
        |lanes| moved(lanes, Some, |_| 0),
    ),
    (
        "permlane16_reversed",
        1,
        "%r = call i32 @llvm.amdgcn.permlane16.i32(i32 %a, i32 %a, i32 -1985229329, i32 19088743, i1 false, i1 false)",
        // 0x89abcdef, 0x01234567
        |lanes| moved(lanes, |n| Some(n ^ 15), |_| 0),
    ),
    (
        "permlanex16",
        1,
        "%r = call i32 @llvm.amdgcn.permlanex16.i32(i32 %a, i32 %a, i32 1985229328, i32 -19088744, i1 false, i1 false)",
        |lanes| moved(lanes, |n| Some(n ^ 16), |_| 0),
    ),
    ("permlane64", 1, "%r = call i32 @llvm.amdgcn.permlane64.i32(i32 %a)", |lanes| {
        moved(lanes, |n| Some(if lanes.len() == 64 { n ^ 32 } else { n }), |_| 0)
    }),
    (
        "permlane16_var",
        2,
        "%s = xor i32 %b, 9\n%r = call i32 @llvm.amdgcn.permlane16.var(i32 %a, i32 %a, i32 %s, i1 false, i1 false)",
        |lanes| moved(lanes, |n| Some(in_row(n, (lanes[n][1] as usize ^ 9) & 15)), |_| 0),
    ),
    (
        "mov_dpp8",
        1,
        "%r = call i32 @llvm.amdgcn.mov.dpp8.i32(i32 %a, i32 2054353)", // 1 2 3 4 5 6 7 0: octal 07654321
        |lanes| moved(lanes, |n| Some(n & !7 | (n + 1) & 7), |_| 0),
    ),
    (
        "dpp_row_share",
        1,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 341, i32 15, i32 15, i1 false)", // row_share:5
        |lanes| moved(lanes, |n| Some(in_row(n, 5)), |_| 0),
    ),
    (
        "dpp_row_xmask",
        1,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 358, i32 15, i32 15, i1 false)", // row_xmask:6
        |lanes| moved(lanes, |n| Some(n ^ 6), |_| 0),
    ),
];

/// As above, for GFX9 alone.
const GFX9: &[(&str, usize, &str, Model)] = &[
    (
        "dpp_wave_shift",
        2,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 %b, i32 %a, i32 312, i32 15, i32 15, i1 false)", // wave_shr:1
        |lanes| moved(lanes, |n| n.checked_sub(1), |n| lanes[n][1]),
    ),
    (
        "dpp_wave_rotate",
        1,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %a, i32 308, i32 15, i32 15, i1 false)", // wave_rol:1
        |lanes| moved(lanes, |n| Some((n + 1) % lanes.len()), |_| 0),
    ),
    (
        "dpp_broadcast_15",
        2,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 %b, i32 %a, i32 322, i32 10, i32 15, i1 false)", // rows 1 and 3
        |lanes| moved(lanes, |n| (n / 16 % 2 == 1).then(|| (n & !15) - 1), |n| lanes[n][1]),
    ),
    (
        "dpp_broadcast_31",
        2,
        "%r = call i32 @llvm.amdgcn.update.dpp.i32(i32 %b, i32 %a, i32 323, i32 12, i32 15, i1 false)", // rows 2 and 3
        |lanes| moved(lanes, |n| (n >= 32).then_some(31), |n| lanes[n][1]),
    ),
];

/// Whether a target has the operations of a list.
#[derive(Clone, Copy)]
pub enum Generation {
    Gfx9,
    Rdna,
}

/// The generation that a case is for, by its name. All have the others.
pub fn generation(name: &str) -> Option<Generation> {
    let in_list = |list: &[(&str, usize, &str, Model)]| list.iter().any(|(other, ..)| name == format!("wave_{other}"));
    if in_list(GFX9) {
        Some(Generation::Gfx9)
    } else if in_list(RDNA) {
        Some(Generation::Rdna)
    } else {
        None
    }
}

pub fn cases(all: &mut Vec<Case>) {
    for (name, count, body, model) in WAVES.iter().chain(RDNA).chain(GFX9) {
        let case = Case::new(format!("wave_{name}"), &vec![I32; *count], I32, body);
        let case = match *name {
            "ubfe" | "sbfe" => case.domain(1, Domain::Below(32)).domain(2, Domain::Below(32)),
            _ => case,
        };
        all.push(case.modelled(Reference::Wave(*model)));
    }
    types(all);
    groups(all);
}

/// The overloaded ones on other types.
fn types(all: &mut Vec<Case>) {
    let first: Model = |lanes| everywhere(lanes[0][0], lanes);
    let third: Model = |lanes| everywhere(lanes[3][0], lanes);
    let mirrored: Model = |lanes| moved(lanes, |n| Some(n ^ 15), |_| 0);
    let scalars = [Scalar::I16, Scalar::I64, Scalar::Half, Scalar::Bfloat, Scalar::Float, Scalar::Double, Scalar::Ptr];
    for ty in scalars.map(Ty::scalar) {
        let list = [
            ("readfirstlane", "%r = call $T @llvm.amdgcn.readfirstlane.$M($T %a)", first),
            ("readlane", "%r = call $T @llvm.amdgcn.readlane.$M($T %a, i32 3)", third),
            (
                "dpp_mirror",
                "%r = call $T @llvm.amdgcn.update.dpp.$M($T %a, $T %a, i32 320, i32 15, i32 15, i1 false)",
                mirrored,
            ),
        ];
        for (name, body, model) in list {
            let case = Case::new(format!("wave_{name}_{}", ty.mangled()), &[ty], ty, body);
            all.push(case.compared(Compare::Exact).modelled(Reference::Wave(model)));
        }
    }
}

/// Barriers: LDS written by one item and read by another, in work-groups of one or two waves.
fn groups(all: &mut Vec<Case>) {
    let reversed: Model = |lanes| moved(lanes, |n| Some(lanes.len() - 1 - n), |_| 0);
    let signals = "call void @llvm.amdgcn.s.barrier.signal(i32 -1)\ncall void @llvm.amdgcn.s.barrier.wait(i16 -1)\n";
    for (name, barrier) in [("barrier", "call void @llvm.amdgcn.s.barrier()\n"), ("split_barrier", signals)] {
        for ty in [Scalar::I8, Scalar::I16, Scalar::I32, Scalar::I64, Scalar::I128, Scalar::Double].map(Ty::scalar) {
            let body = format!(
                "%lane = urem i32 %item, 64\n%other = sub i32 63, %lane\n\
                 %p = getelementptr $T, ptr addrspace(3) @lds_$NAME, i32 %lane\n\
                 %q = getelementptr $T, ptr addrspace(3) @lds_$NAME, i32 %other\nstore $T %a, ptr addrspace(3) %p\n\
                 fence syncscope(\"workgroup\") release\n{barrier}fence syncscope(\"workgroup\") acquire\n\
                 %r = load $T, ptr addrspace(3) %q"
            );
            let case = Case::new(format!("group_{name}_{}", ty.mangled()), &[ty], ty, &body)
                .with_device_globals("@lds_$NAME = internal addrspace(3) global [64 x $T] poison, align 16\n");
            all.push(case.compared(Compare::Exact).modelled(Reference::Group(reversed)));
        }
    }
}
