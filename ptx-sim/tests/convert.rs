//! Conversions against software floating point and wide integers.

mod support;

use rustc_apfloat::{
    Float, FloatConvert, Round, StatusAnd,
    ieee::{BFloat, Double, Half, Quad, Single},
};
use support::instruction::{
    Case,
    Kind::{self, Brain, Integer},
    case, check,
};

const FLOATS: [(&str, Kind); 4] = [("f16", Kind::Half), ("bf16", Brain), ("f32", Kind::Single), ("f64", Kind::Double)];
const INTEGERS: [(&str, u32); 8] =
    [("u8", 8), ("s8", 8), ("u16", 16), ("s16", 16), ("u32", 32), ("s32", 32), ("u64", 64), ("s64", 64)];
const ROUNDINGS: [(&str, &str, Round); 4] = [
    ("rn", "rni", Round::NearestTiesToEven),
    ("rz", "rzi", Round::TowardZero),
    ("rm", "rmi", Round::TowardNegative),
    ("rp", "rpi", Round::TowardPositive),
];

/// Any value of the four types as a quadruple one, which holds them all.
fn wide(ty: &str, bits: u64) -> Quad {
    let bits = u128::from(bits);
    match ty {
        "f16" => Half::from_bits(bits).convert(&mut false).value,
        "bf16" => BFloat::from_bits(bits).convert(&mut false).value,
        "f32" => Single::from_bits(bits).convert(&mut false).value,
        _ => Double::from_bits(bits).convert(&mut false).value,
    }
}

/// The bits of a type's value next to a quadruple one; what is no number has one form.
fn narrow(ty: &str, x: Quad, round: Round) -> u64 {
    fn to<F: Float>(x: Quad, round: Round) -> u64
    where
        Quad: FloatConvert<F>,
    {
        let StatusAnd { value, .. } = <Quad as FloatConvert<F>>::convert_r(x, round, &mut false);
        value.to_bits() as u64
    }
    match ty {
        _ if x.is_nan() => match ty {
            "f16" | "bf16" => 0x7fff,
            "f32" => 0x7fff_ffff,
            _ => 0x7ff8_0000_0000_0000,
        },
        "f16" => to::<Half>(x, round),
        "bf16" => to::<BFloat>(x, round),
        "f32" => to::<Single>(x, round),
        _ => to::<Double>(x, round),
    }
}

fn integer(ty: &str, width: u32, bits: u64) -> i128 {
    let bits = i128::from(bits) & ((1 << width) - 1);
    if ty.starts_with('s') && bits >> (width - 1) != 0 { bits - (1 << width) } else { bits }
}

fn bounds(ty: &str, width: u32) -> (i128, i128) {
    if ty.starts_with('s') { (-(1 << (width - 1)), (1 << (width - 1)) - 1) } else { (0, (1 << width) - 1) }
}

/// The register that holds an integer: those of 8 bits lie in one of 16.
fn register(width: u32) -> Kind {
    Integer(width.max(16))
}

#[test]
fn between_integers() {
    let mut all = Vec::new();
    for (to, to_width) in INTEGERS {
        for (from, from_width) in INTEGERS {
            let kinds = (register(to_width), register(from_width));
            let mask = u64::MAX >> (64 - kinds.0.bits());
            all.push(case(format!("cvt.{to}.{from} $r, $a;"), kinds.0, &[kinds.1], move |v| {
                integer(to, to_width, integer(from, from_width, v[0]) as u64) as u64 & mask
            }));
            let ((low, high), from_bounds) = (bounds(to, to_width), bounds(from, from_width));
            if from_bounds.0 < low || from_bounds.1 > high {
                all.push(case(format!("cvt.sat.{to}.{from} $r, $a;"), kinds.0, &[kinds.1], move |v| {
                    integer(from, from_width, v[0]).clamp(low, high) as u64 & mask
                }));
            }
        }
    }
    // Registers may be wider than the types.
    all.push(case("cvt.s8.s32 $r, $a;", Integer(64), &[Integer(32)], |v| i64::from(v[0] as i8) as u64));
    all.push(case("cvt.u16.u64 $r, $a;", Integer(32), &[Integer(64)], |v| v[0] & 0xffff));
    all.push(case("cvt.s64.s32 $r, $a;", Integer(64), &[Integer(64)], |v| i64::from(v[0] as i32) as u64));
    all.push(case("cvt.u64.u32 $r, $a;", Integer(64), &[Integer(64)], |v| v[0] & 0xffff_ffff));
    all.push(case("cvt.rn.f32.u32 $r, $a;", Kind::Single, &[Integer(64)], |v| {
        u64::from((v[0] as u32 as f32).to_bits())
    }));
    check("sm_70", &all);
}

#[test]
fn from_integers() {
    let mut all = Vec::new();
    for (to, kind) in FLOATS {
        for (from, width) in INTEGERS.into_iter().filter(|(_, width)| to != "bf16" || *width > 8) {
            for (name, _, round) in ROUNDINGS {
                all.push(case(format!("cvt.{name}.{to}.{from} $r, $a;"), kind, &[register(width)], move |v| {
                    narrow(to, Quad::from_i128(integer(from, width, v[0])).value, round)
                }));
            }
        }
    }
    check("sm_90", &all);
}

#[test]
fn to_integers() {
    let mut all = Vec::new();
    for (from, kind) in FLOATS {
        for (to, width) in INTEGERS.into_iter().filter(|(_, width)| from != "bf16" || *width > 8) {
            for (_, name, round) in ROUNDINGS {
                let register = register(width);
                let mask = u64::MAX >> (64 - register.bits());
                all.push(case(format!("cvt.{name}.{to}.{from} $r, $a;"), register, &[kind], move |v| {
                    let x = wide(from, v[0]);
                    let (low, high) = bounds(to, width);
                    if x.is_nan() {
                        // 0, or the upper bit where f64 or 64 bits take part.
                        let upper = from == "f64" || width == 64;
                        return if upper { integer(to, width, 1 << (width - 1)) as u64 & mask } else { 0 };
                    }
                    let rounded = x.round_to_integral(round).value;
                    let value = if rounded > Quad::from_i128(high).value {
                        high
                    } else if rounded < Quad::from_i128(low).value {
                        low
                    } else {
                        rounded.to_i128(127).value
                    };
                    value as u64 & mask
                }));
            }
        }
    }
    check("sm_90", &all);
}

#[test]
fn between_floats() {
    let mut all: Vec<Case> = Vec::new();
    for (to, to_kind) in FLOATS {
        for (from, kind) in FLOATS {
            if to == from {
                for (_, name, round) in ROUNDINGS {
                    all.push(case(format!("cvt.{name}.{to}.{from} $r, $a;"), to_kind, &[kind], move |v| {
                        let x = wide(from, v[0]);
                        let integral = x.round_to_integral(round).value;
                        narrow(to, if integral.is_zero() { Quad::ZERO.copy_sign(x) } else { integral }, round)
                    }));
                }
            } else if to_kind.bits() <= kind.bits() {
                for (name, _, round) in ROUNDINGS {
                    if to == "bf16" && name != "rn" && from != "f32" || from == "bf16" && name != "rn" {
                        continue;
                    }
                    if matches!((to, from), ("bf16", "f32")) && matches!(name, "rm" | "rp") {
                        continue;
                    }
                    all.push(case(format!("cvt.{name}.{to}.{from} $r, $a;"), to_kind, &[kind], move |v| {
                        narrow(to, wide(from, v[0]), round)
                    }));
                }
            } else {
                all.push(case(format!("cvt.{to}.{from} $r, $a;"), to_kind, &[kind], move |v| {
                    narrow(to, wide(from, v[0]), Round::TowardZero)
                }));
            }
        }
    }
    let single = Kind::Single;
    let saturated = |bits: u64| {
        let x = f32::from_bits(bits as u32);
        // False for what is no number.
        u64::from((if x > 0.0 { x.min(1.0) } else { 0.0 }).to_bits())
    };
    all.push(case("cvt.sat.f32.f32 $r, $a;", single, &[single], move |v| saturated(v[0])));
    all.push(case("cvt.rn.sat.f32.f64 $r, $a;", single, &[Kind::Double], move |v| {
        saturated(narrow("f32", wide("f64", v[0]), Round::NearestTiesToEven))
    }));
    all.push(case("cvt.rn.relu.f16.f32 $r, $a;", Kind::Half, &[single], |v| {
        let x = wide("f32", v[0]);
        if !x.is_nan() && x.is_negative() { 0 } else { narrow("f16", x, Round::NearestTiesToEven) }
    }));
    for (ty, name, round) in [
        ("f16", "rn", ROUNDINGS[0].2),
        ("f16", "rz", ROUNDINGS[1].2),
        ("bf16", "rn", ROUNDINGS[0].2),
        ("bf16", "rz", ROUNDINGS[1].2),
    ] {
        // The first one becomes the upper half.
        all.push(case(format!("cvt.{name}.{ty}x2.f32 $r, $a, $b;"), Integer(32), &[single; 2], move |v| {
            narrow(ty, wide("f32", v[0]), round) << 16 | narrow(ty, wide("f32", v[1]), round)
        }));
    }
    all.push(case("cvt.rna.tf32.f32 $r, $a;", Integer(32), &[single], |v| {
        let bits = v[0] as u32;
        let x = f32::from_bits(bits);
        if x.is_nan() {
            return 0x7fff_e000;
        }
        // Ties go away from zero, and infinity is as it is.
        u64::from(if x.is_infinite() { bits } else { bits.wrapping_add(0x1000) & !0x1fff })
    }));
    check("sm_90", &all);
}
